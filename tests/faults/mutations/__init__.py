"""The engine with one safeguard taken out, as a WSGI application of its own. Only the server of a test loads it: there
is no switch for it in the engine.
"""
