"""PostgreSQL and Redis of our own, for a machine with nothing on it and for tests that stop, freeze and kill them.

Runs before Django is there and needs nothing but the standard library and the servers' programs.
"""

from core.embedded.errors import SetupError
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.redis import EmbeddedRedis
from core.embedded.together import servers

__all__ = ["EmbeddedPostgres", "EmbeddedRedis", "SetupError", "servers"]
