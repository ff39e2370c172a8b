"""PostgreSQL. The engine does not depend on session state, so PgBouncer in transaction mode can be used."""

from typing import Any

from config.settings.env import env

# The size of a connection pool that the threads of a process share, so that a connection outlives the web server thread
# that used it. Without a pool (0) every thread keeps its own connection.
_pool = env.int("OPD_DB_POOL", default=0)
_behind_pgbouncer = env.bool("OPD_PGBOUNCER", default=False)

# Time-outs in milliseconds: for a statement, an idle transaction and a lock.
_limits = {
    "statement_timeout": int(env.float("OPD_STATEMENT_SECONDS", default=15.0) * 1000),
    "idle_in_transaction_session_timeout": 15_000,
    "lock_timeout": int(env.float("OPD_LOCK_WAIT_SECONDS", default=5.0) * 1000),
}
_options: dict[str, Any] = {
    "connect_timeout": 3,
    "application_name": "opd",
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    # None: no server-side prepared statements, because PgBouncer may switch to a connection that lacks them.
    "prepare_threshold": None,
}
if not _behind_pgbouncer:
    # PgBouncer rejects start-up options; with it, set these limits on the database role (DEPLOYMENT.md).
    _options["options"] = " ".join(f"-c {name}={value}" for name, value in _limits.items())
if _pool:
    _options["pool"] = {"min_size": 1, "max_size": _pool, "timeout": 5, "max_idle": 300}


def _connected(address: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        **address,
        "OPTIONS": {**address.get("OPTIONS", {}), **_options, **more},
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": 0 if _pool else 300,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


_application = env.db_url("DATABASE_URL", default="postgres://opd@127.0.0.1:5432/opd")
_owner = env.db_url("DATABASE_OWNER_URL") if env.str("DATABASE_OWNER_URL", default="").strip() else _application
# The role that gets its rights after each migration; None when one role does everything.
OPD_APPLICATION_ROLE: str | None = _application.get("USER") if _owner.get("USER") != _application.get("USER") else None
# manage.py sets OPD_AS_OWNER for commands that need the owner of the tables.
_as_owner = env.bool("OPD_AS_OWNER", default=False)

DATABASES: dict[str, Any] = {"default": _connected(_owner if _as_owner else _application)}

# Reports and lists are read from a streaming replica if it catches up within this time (core/db/replica.py).
OPD_REPLICA_WAIT_SECONDS = env.float("OPD_REPLICA_WAIT_SECONDS", default=0.1)
if env.str("REPLICA_URL", default="").strip():
    DATABASES["replica"] = _connected(env.db_url("REPLICA_URL"), connect_timeout=2)
    DATABASES["replica"]["TEST"] = {"MIRROR": "default"}
    DATABASE_ROUTERS = ["core.db.replica.Router"]
