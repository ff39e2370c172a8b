"""Errors of setup.sh, with texts that say what the operator can do."""


class SetupError(Exception):
    """The set-up cannot continue; the text says why and what to do."""
