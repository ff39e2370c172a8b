"""Paths of the project, and the commands and the environment of the engine's processes."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from devserver.errors import SetupError
from devserver.state import prepare_data_dir, secret

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
MARK = "OPD_SUPERVISED_IN"
OWNER_SECRETS = ("DATABASE_OWNER_URL", "DATABASE_ADMIN_URL")
EVERY_PROCESS = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
UNLESS_TOLD = {
    # One heap for all threads of a process. With one heap for each thread, a web worker of 32 threads keeps 25 MiB that
    # it does not use, and more with every hour. More heaps would gain nothing, because Python's global lock already
    # lets only one thread run at a time.
    "MALLOC_ARENA_MAX": "1",
}


def data_dir_of(*, environ: Mapping[str, str]) -> Path:
    """Return OPD_DATA_DIR (a relative path starts at the project); make the folder if it does not exist."""
    return prepare_data_dir(data_dir=ROOT / (environ.get("OPD_DATA_DIR") or ".opd"))


def address_of(*, environ: Mapping[str, str]) -> tuple[str, int]:
    """Return OPD_HOST and OPD_PORT."""
    given = environ.get("OPD_PORT") or "8000"
    if not given.isascii() or not given.isdigit() or not 0 < int(given) < 65_536:
        raise SetupError(f"OPD_PORT must be a number from 1 to 65535, not {given!r}.")
    return environ.get("OPD_HOST") or "127.0.0.1", int(given)


def reachable_address(*, host: str, port: int) -> str:
    """Return the URL at which this machine reaches a server that listens on this host and port."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def in_production(*, environ: Mapping[str, str]) -> bool:
    return environ.get("OPD_ENV", "").strip().lower() == "production"


def app_environment(*, environ: Mapping[str, str], data_dir: Path, urls: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of manage.py, web, worker and beat."""
    host, port = address_of(environ=environ)
    profile = "config.settings.production" if in_production(environ=environ) else "config.settings.local"
    if environ.get("DJANGO_SETTINGS_MODULE", "").startswith("config.settings."):
        profile = environ["DJANGO_SETTINGS_MODULE"]
    result = {
        **UNLESS_TOLD,
        **environ,
        **urls,
        "DJANGO_SETTINGS_MODULE": profile,
        "OPD_DATA_DIR": str(data_dir),
        "OPD_HOST": host,
        "OPD_PORT": str(port),
        **EVERY_PROCESS,
    }
    if not result.get("OPD_SECRET_KEY"):
        if profile == "config.settings.production":
            raise SetupError("OPD_SECRET_KEY must be set in production: a random text of at least 50 characters.")
        result["OPD_SECRET_KEY"] = secret(path=data_dir / "secret_key")
    return result


def without_owner(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the database URLs of the owner and of the superuser, for web, worker and beat."""
    return {name: value for name, value in environ.items() if name not in OWNER_SECRETS}


def web_command(*, environ: Mapping[str, str]) -> list[str]:
    """Return the command of the web server (core.server), which serves the API and the admin site."""
    host, port = address_of(environ=environ)
    workers = environ.get("OPD_WEB_WORKERS") or str(max(2, min(os.cpu_count() or 2, 8)))
    # Threads mostly wait, and requests that wait at the same time are booked in one transaction. Each thread keeps a
    # database connection.
    threads = environ.get("OPD_WEB_THREADS") or str(max(8, min(32, 128 // max(1, int(workers)))))
    return [
        *(sys.executable, "-m", "core.server", "config.wsgi:application"),
        *("--host", host, "--port", str(port), "--workers", workers, "--threads", threads),
    ]


def worker_command() -> list[str]:
    """Return the command of the Celery worker; one process is enough, because its tasks only call the service."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [sys.executable, "-m", "celery", "-q", "-A", "config", "worker", "-c", "1", "--loglevel", "INFO", *quiet]


def beat_command(*, schedule: Path) -> list[str]:
    """Return the command of Celery beat, which stores its last runs in the file `schedule`."""
    return [
        sys.executable,
        "-m",
        "celery",
        "-q",
        "-A",
        "config",
        "beat",
        "-s",
        str(schedule),
        "--pidfile=",
        "--loglevel",
        "INFO",
    ]


def manage_command(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), *arguments]
