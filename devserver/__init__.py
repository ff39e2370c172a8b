"""PostgreSQL and Redis of our own, for a machine with nothing on it and for tests that stop, freeze and kill them.

Runs before Django is there and needs nothing but the standard library and the servers' programs.
"""

from devserver.errors import SetupError
from devserver.postgres import EmbeddedPostgres
from devserver.throwaway import servers
from devserver.valkey import EmbeddedRedis

__all__ = ["EmbeddedPostgres", "EmbeddedRedis", "SetupError", "servers"]
