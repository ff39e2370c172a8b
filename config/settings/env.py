"""The environment, read in one way by every settings file."""

import environ

env = environ.Env()
