"""`setup.sh test` and `setup.sh demo`, on temporary servers and data that are removed afterwards."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devserver import project
from devserver.console import complain, line, step
from devserver.data_dir import remove_home
from devserver.errors import SetupError
from devserver.ports import free_port
from devserver.processes import death_bound
from devserver.signals import stoppable
from devserver.state import State
from devserver.subprocesses import end, foreground
from devserver.supervisor import answers
from devserver.throwaway import servers, throwaway

SHORT_TIMES = {
    "OPD_HOLD_SECONDS": "3",
    "OPD_NO_SHOW_GRACE_MINUTES": "0.05",
    "OPD_BUFFER_MINUTES": "0.05",
    "OPD_SWEEP_SECONDS": "1",
    "OPD_THROTTLING": "off",
}
START_SECONDS = 120


def test(*, arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run every check; return exit code 0 if all of them passed."""
    foreign = ("OPD_", "DJANGO_", "PYTEST_", "REPLICA_")
    clean = {name: value for name, value in environ.items() if not name.startswith(foreign)}
    with stoppable(), throwaway() as folder:
        step("Starting PostgreSQL and Redis for the tests")
        with servers(folder, fsync=False, environ=environ) as urls:
            app_environ = project.app_environment(environ=clean, data_dir=folder, urls=urls)
            failed = [
                title for title, command in _checks(folder=folder) if not _check(title, command, environ=app_environ)
            ]
            app_environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
            python = sys.executable
            code = _check("pytest", [python, "-m", "pytest", "-n", "2", *arguments], environ=app_environ)
        if failed:
            complain(f"Failed before pytest: {', '.join(failed)}.")
        return 0 if code and not failed else 1


def _checks(*, folder: Path) -> list[tuple[str, list[str]]]:
    python, schema = sys.executable, str(folder / "schema.yml")
    imports = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    return [
        ("ruff check", [python, "-m", "ruff", "check", "."]),
        ("ruff format --check", [python, "-m", "ruff", "format", "--check", "."]),
        ("mypy", [python, "-m", "mypy", "."]),
        ("lint-imports", [python, "-c", imports]),
        ("makemigrations --check", project.manage_command("makemigrations", "--check", "--dry-run")),
        ("OpenAPI schema", project.manage_command("spectacular", "--validate", "--fail-on-warn", "--file", schema)),
    ]


def _check(title: str, command: list[str], *, environ: Mapping[str, str]) -> bool:
    step(title)
    return foreground(command=command, environ=environ) == 0


def demo(*, arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run demo.py against a running engine, or against one started for it."""
    if {"--list", "--help", "-h"} & set(arguments):  # needs no engine
        return _demonstrate(arguments=arguments, environ=environ)
    found = _running(environ=environ)
    if found:
        step(f"Using the engine at {found['OPD_URL']}")
        with stoppable():
            return _demonstrate(arguments=arguments, environ={**environ, **found})
    with stoppable(), throwaway() as folder, _engine(folder=folder, environ=environ) as own:
        return _demonstrate(arguments=arguments, environ=own)


def _demonstrate(*, arguments: list[str], environ: Mapping[str, str]) -> int:
    return foreground(command=[sys.executable, str(project.ROOT / "demo.py"), *arguments], environ=environ)


def _running(*, environ: Mapping[str, str]) -> dict[str, str] | None:
    """Return the URL and credentials of a running engine, or None.

    It is the one at OPD_URL, the one of this data folder, or one on OPD_PORT that accepts this folder's credentials.
    """
    data_dir = project.data_dir_of(environ=environ)
    state = State(data_dir)
    host, port = project.address_of(environ=environ)
    url = environ.get("OPD_URL") or (state.get("run").get("address") if state.process("run") else None)
    given = (environ.get("OPD_USERNAME", ""), environ.get("OPD_PASSWORD", ""))
    known = given if all(given) else credentials(path=data_dir / "credentials")
    if url and not known:
        raise SetupError(f"Set OPD_USERNAME and OPD_PASSWORD for {url}: {data_dir} holds no credentials.")
    if not url and known:
        neighbour = project.reachable_address(host=host, port=port)
        url = neighbour if _signs_in(url=neighbour, username=known[0], password=known[1]) else None
    return {"OPD_URL": url, "OPD_USERNAME": known[0], "OPD_PASSWORD": known[1]} if url and known else None


def _signs_in(*, url: str, username: str, password: str) -> bool:
    body = json.dumps({"username": username, "password": password}).encode()
    request = urllib.request.Request(f"{url}/api/v1/auth/token/", body, {"Content-Type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def credentials(*, path: Path) -> tuple[str, str] | None:
    """Return the administrator's user name and password from the file that ensure_staff wrote, or None."""
    if not path.exists():
        return None
    for row in path.read_text().splitlines():
        words = row.split()
        if len(words) >= 2 and words[0].strip(":") == "admin":
            return "admin", words[-1]
    return None


@contextmanager
def _engine(*, folder: Path, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Start an engine with short deadlines, a free port and its own data; yield the environment to use it."""
    port, log = free_port(), folder / "engine.log"
    url = f"http://127.0.0.1:{port}"
    unwanted = ("DATABASE_URL", "REDIS_URL", "OPD_ENV", "OPD_URL", "DJANGO_SETTINGS_MODULE")
    app_environ = {name: value for name, value in environ.items() if name not in unwanted}
    app_environ |= {**SHORT_TIMES, "OPD_HOST": "127.0.0.1", "OPD_PORT": str(port), "OPD_DATA_DIR": str(folder / "data")}
    step(f"Starting an engine with short deadlines for the demo on {url} (it is stopped afterwards)")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "devserver", "run"],
            env=app_environ,
            cwd=project.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=death_bound(),
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(host="127.0.0.1", port=port):
            if process.poll() is not None or time.monotonic() > deadline:
                for row in log.read_text(errors="replace").splitlines()[-25:]:
                    line(f"    {row}")
                raise SetupError("The engine for the demo did not start; the end of its output is above.")
            time.sleep(0.2)
        kept = credentials(path=folder / "data" / "credentials")
        if kept is None:
            raise SetupError("The engine for the demo has no administrator.")
        yield {**app_environ, "OPD_URL": url, "OPD_USERNAME": kept[0], "OPD_PASSWORD": kept[1]}
    finally:
        step("Stopping the engine of the demo")
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            end(process)
        remove_home(data_dir=folder / "data")
