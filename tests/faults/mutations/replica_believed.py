"""A replica is read without a look at how far it is."""

from config.wsgi import application
from core.db import replica

__all__ = ["application"]

replica._has_come_to = lambda position: True
