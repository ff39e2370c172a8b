"""What can go wrong while the engine is set up, said so that the person at the keyboard can act on it."""


class SetupError(Exception):
    """The set-up cannot go on; the text says why and what to do."""
