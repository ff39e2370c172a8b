"""The project's own benchmark: `python -m bench`. See RESULTS.md for the last table and how to read it."""
