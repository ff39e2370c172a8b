"""The scenarios of demo.py, which use only the HTTP API."""
