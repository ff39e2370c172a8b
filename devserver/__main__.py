"""The commands of setup.sh."""

import os
import sys

from devserver import audit, run, test_and_demo
from devserver.console import complain
from devserver.errors import SetupError
from devserver.install import CHECKS, EMBEDDED, PRODUCTION, install
from devserver.project import PYTHON, VENV
from devserver.signals import Stopped

HELP = """\
./setup.sh              everything on this machine: web, worker, beat, PostgreSQL and Redis, until Ctrl-C (same as: run)
./setup.sh test [...]   every check; further arguments are passed to pytest
./setup.sh demo [...]   demo.py against the running engine, or one started for it; --list names the scenarios
./setup.sh audit        known vulnerabilities of the locked packages, where an advisory service is reachable
./setup.sh manage ...   manage.py with the environment set
./setup.sh stop         stop the running engine, or what a killed run has left behind
./setup.sh web          one process each, on OPD_HOST and OPD_PORT against DATABASE_URL and REDIS_URL;
./setup.sh worker         they start no servers
./setup.sh beat
./setup.sh health       whether the web process on OPD_PORT is ready (exit code 0)
./setup.sh install      only create .venv (optional argument: production, all)

OPD_PORT (8000), OPD_HOST (127.0.0.1), OPD_DATA_DIR (.opd), DATABASE_URL, REDIS_URL (instead of the embedded servers),
OPD_ENV=production (production settings), OPD_PYTHON (the Python that creates .venv). All settings: DEPLOYMENT.md
"""
LISTS = {
    "run": [PRODUCTION, EMBEDDED],
    "demo": [PRODUCTION, EMBEDDED],
    "test": [PRODUCTION, EMBEDDED, CHECKS],
    "audit": [PRODUCTION, EMBEDDED, CHECKS],
    "manage": [PRODUCTION, EMBEDDED],
    "web": [PRODUCTION],
    "worker": [PRODUCTION],
    "beat": [PRODUCTION],
}


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("run", [])
    if name in {"help", "-h", "--help"}:
        print(HELP, end="")
        return 0
    if name == "install":
        install(lists=[PRODUCTION] if rest == ["production"] else LISTS["test"], optional=(EMBEDDED,))
        return 0
    if name in LISTS:
        lists = [each for each in LISTS[name] if each != EMBEDDED or not _served(name=name)]
        install(lists=lists, optional=(EMBEDDED,))
        _enter_venv(arguments=[name, *rest])
    if name not in {"test", "demo", "manage"} and rest:
        raise SetupError(f"'{name}' takes no arguments. See ./setup.sh help")
    environ = dict(os.environ)
    match name:
        case "run":
            return run.run(environ=environ)
        case "test":
            return test_and_demo.test(arguments=rest, environ=environ)
        case "demo":
            return test_and_demo.demo(arguments=rest, environ=environ)
        case "audit":
            return audit.audit(environ=environ)
        case "manage":
            return run.manage(arguments=rest, environ=environ)
        case "health":
            return run.health(environ=environ)
        case "stop":
            return run.stop(environ=environ)
        case "web" | "worker" | "beat":
            return run.single(name=name, environ=environ)
    raise SetupError(f"There is no command '{name}'. See ./setup.sh help")


def _served(*, name: str) -> bool:
    """Return whether the environment names both servers, so that the embedded ones need not be installed."""
    return name in {"run", "manage"} and all(os.environ.get(url) for url in ("DATABASE_URL", "REDIS_URL"))


def _enter_venv(*, arguments: list[str]) -> None:
    """Re-execute this command with the Python of .venv, where the servers' wheels are installed."""
    if sys.prefix != str(VENV):
        os.execv(PYTHON, [str(PYTHON), "-m", "devserver", *arguments])


def _exit_code() -> int:
    try:
        return main(sys.argv[1:])
    except SetupError as error:
        complain(str(error))
    except PermissionError as error:
        complain(f"No permission: {error.filename or error}. Run as the user who owns the folder, or set OPD_DATA_DIR.")
    except OSError as error:
        full = "The disk is full" if error.errno == 28 else "The system refused"
        complain(f"{full}: {error}")
    except (KeyboardInterrupt, Stopped):
        complain("Stopped.")
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(_exit_code())
