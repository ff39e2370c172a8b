"""The reader of environment variables that all settings files share."""

import environ

env = environ.Env()
