"""Security tests: attacks, abuse limits and information leaks."""
