"""PostgreSQL. Nothing relies on the state of a session, so PgBouncer in transaction mode can stand in between."""

from typing import Any

from config.settings.env import env

# A pool belongs to the process and is shared by its threads: the web server's threads come and go, and a connection
# kept by a thread would go with it. Without a pool (0) every thread keeps its own connection.
_pool = env.int("OPD_DB_POOL", default=0)
_behind_pgbouncer = env.bool("OPD_PGBOUNCER", default=False)

# Patience is bounded: connecting, a single statement, a transaction in which nothing happens.
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
    # None: no prepared statements on the server, which a connection handed on by PgBouncer would not have.
    "prepare_threshold": None,
}
if not _behind_pgbouncer:
    # PgBouncer refuses start-up options; set these on the role there (DEPLOYMENT.md).
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
# The role that is granted its rights after each migration; None when one role does everything.
OPD_APPLICATION_ROLE: str | None = _application.get("USER") if _owner.get("USER") != _application.get("USER") else None
# manage.py turns this on for the commands that need the owner of the tables.
_as_owner = env.bool("OPD_AS_OWNER", default=False)

DATABASES: dict[str, Any] = {"default": _connected(_owner if _as_owner else _application)}

# Reports and lists are read on a streaming replica, if it is up to date within this time (core/db/replica.py).
OPD_REPLICA_WAIT_SECONDS = env.float("OPD_REPLICA_WAIT_SECONDS", default=0.1)
if env.str("REPLICA_URL", default="").strip():
    DATABASES["replica"] = _connected(env.db_url("REPLICA_URL"), connect_timeout=2)
    DATABASES["replica"]["TEST"] = {"MIRROR": "default"}
    DATABASE_ROUTERS = ["core.db.replica.Router"]
