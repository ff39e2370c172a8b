"""The scenarios of demo.py: the engine shown from outside, over HTTP, with nothing but a client's knowledge."""
