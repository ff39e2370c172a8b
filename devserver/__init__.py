"""Start PostgreSQL and Redis locally, for a machine that has neither and for tests that stop, freeze and kill them.

Needs only the standard library and the server programs: it runs before Django is installed.
"""

from devserver.errors import SetupError
from devserver.postgres import EmbeddedPostgres
from devserver.throwaway import servers
from devserver.valkey import EmbeddedRedis

__all__ = ["EmbeddedPostgres", "EmbeddedRedis", "SetupError", "servers"]
