"""The project's benchmark: `python -m bench`. RESULTS.md has the last results and explains how to read them."""
