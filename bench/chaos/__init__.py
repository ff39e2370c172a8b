"""Chaos: real servers, 32 clients who remember what they asked and were told, and somebody who breaks things.

`python -m bench.chaos` runs it for as long as you like; tests/faults runs the short form.
"""
