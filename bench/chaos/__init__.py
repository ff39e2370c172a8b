"""Fault injection: real servers and 32 clients that record every request and response, while faults are injected.

`python -m bench.chaos` runs it for any length of time; tests/faults runs a short version.
"""
