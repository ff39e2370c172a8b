"""Mutation: read a slot's rows without the row lock; only the Redis lock is left, if available."""

from config.wsgi import application
from tokens.engine import locking

__all__ = ["application"]

locking.ROW_LOCK = ""
