"""`setup.sh run`, `stop`, and the single processes `web`, `worker` and `beat`."""

import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from devserver import project
from devserver.console import line, step
from devserver.errors import SetupError
from devserver.install import need_space
from devserver.lifetime import KINDS, borrowed, running_urls, started
from devserver.places import application_place
from devserver.ports import obstacle
from devserver.processes import gone, identify, send
from devserver.signals import stoppable
from devserver.state import FileLock, State
from devserver.subprocesses import carry_out, foreground
from devserver.supervisor import STOP_SECONDS, Child, Supervisor, answers, end_marked
from devserver.unprivileged import application_user

SPACE_MB = 200


def run(*, environ: Mapping[str, str]) -> int:
    """Run the servers, web, worker and beat in the foreground; return the exit code."""
    data_dir = project.data_dir_of(environ=environ)
    host, port = project.address_of(environ=environ)
    base = project.reachable_address(host=host, port=port)
    state, owner = State(data_dir), FileLock(data_dir / "servers.lock")
    with stoppable():
        if not owner.take():
            raise SetupError(_already(state=state, data_dir=data_dir))
        try:
            _end_leftovers(state=state, data_dir=data_dir)
            need_space(folder=data_dir, megabytes=SPACE_MB)
            _need_port(host=host, port=port)
            state.put("run", address=base)
            state.remember("run", identify(pid=os.getpid()))
            with started(data_dir=data_dir, environ=environ) as (urls, servers):
                app_environ = project.app_environment(environ=environ, data_dir=data_dir, urls=urls)
                place = application_place(data_dir=data_dir)
                prepare = [sys.executable, "-m", "devserver.prepare", str(data_dir / "credentials")]
                carry_out("Preparing the database", prepare, environ=app_environ, loud=True)
                step(f"Starting web, worker and beat on {base}")
                supervisor = Supervisor(state=state, environ=app_environ, servers=servers, place=place)
                return supervisor.run(
                    children=[
                        Child("web", project.web_command(environ=app_environ), restart=False),
                        Child("worker", project.worker_command()),
                        Child("beat", project.beat_command(schedule=place.schedule)),
                    ],
                    ready=lambda: health(environ=app_environ, quiet=True) == 0,
                    announce=lambda: _announce(base=base, data_dir=data_dir),
                )
        finally:
            with contextlib.suppress(OSError):
                state.remember("run", None)
            owner.release()


def _end_leftovers(*, state: State, data_dir: Path) -> int:
    """End the web, worker and beat processes that a killed run left behind; return how many there were."""
    count = end_marked(mark=f"{project.MARK}={data_dir}")
    for name in ("web", "worker", "beat"):
        if left := state.process(name):  # only where processes cannot be found by their environment
            send(identity=left, number=signal.SIGKILL, group=True)
            count += 1
    return count


def _already(*, state: State, data_dir: Path) -> str:
    running = state.process("run")
    if running is None:
        return f"Another setup.sh command is using the servers of {data_dir}. Wait for it, or: ./setup.sh stop"
    where = state.get("run").get("address", "")
    return (
        f"The engine already runs here (process {running.pid}, {where}). Stop it with ./setup.sh stop, "
        "or run a second one with another OPD_PORT and OPD_DATA_DIR."
    )


def _need_port(*, host: str, port: int) -> None:
    error = obstacle(host=host, port=port)
    if error is None and application_user() and port < _first_open_port():
        error = PermissionError()
    if error is None:
        return
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        raise SetupError(f"OPD_HOST {host} is not an address of this machine.")
    if isinstance(error, PermissionError):
        raise SetupError(f"You may not listen on port {port}. Choose 1024 or higher: OPD_PORT=8000 ./setup.sh")
    raise SetupError(
        f"Port {port} on {host} is taken by another program. "
        f"Choose another one: OPD_PORT={port + 1 if port < 65_535 else 8000} ./setup.sh"
    )


def _first_open_port() -> int:
    """Return the first port on which an unprivileged user may listen."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024


def _announce(*, base: str, data_dir: Path) -> None:
    line()
    line("The OPD engine is running.")
    line(f"    Swagger UI   {base}/api/docs/")
    line(f"    Admin        {base}/admin/")
    line(f"    Health       {base}/healthz/ready")
    line(f"    Names and passwords: {data_dir / 'credentials'}")
    line("Ctrl-C stops all of it.")
    line()


def stop(*, environ: Mapping[str, str]) -> int:
    """Stop the engine and servers of the data folder, and processes that a killed run left behind."""
    data_dir = project.data_dir_of(environ=environ)
    state, stopped = State(data_dir), []
    if running := state.process("run"):
        step(f"Stopping the engine (process {running.pid})")
        send(identity=running, number=signal.SIGTERM)
        if not gone(identities=[running], within=STOP_SECONDS + 40):
            send(identity=running, number=signal.SIGKILL)
            gone(identities=[running], within=5)
        stopped.append("the engine")
    if _end_leftovers(state=state, data_dir=data_dir):
        stopped.append("processes of a killed run")
    for kind in KINDS.values():
        if state.get(kind.name) and not FileLock.busy(data_dir / f"{kind.name}.lock"):
            server = kind(data_dir)
            if server.clear_leftovers():
                stopped.append(server.title)
    line(f"Stopped: {', '.join(stopped)}." if stopped else f"Nothing was running in {data_dir}.")
    return 0


def health(*, environ: Mapping[str, str], quiet: bool = False) -> int:
    """Return 0 if the web process on OPD_PORT is ready, else 1."""
    host, port = project.address_of(environ=environ)
    known_as = environ.get("OPD_ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
    ready = answers(host=host, port=port, known_as=known_as.replace("*", ""))
    if not quiet:
        line("ready" if ready else "not ready")
    return 0 if ready else 1


def single(*, name: str, environ: Mapping[str, str]) -> int:
    """Replace this process by web, worker or beat, which use servers that are already running."""
    data_dir = project.data_dir_of(environ=environ)
    urls = running_urls(data_dir=data_dir, environ=environ)
    if urls is None:
        raise SetupError(
            f"./setup.sh {name} starts no servers: set DATABASE_URL and REDIS_URL "
            "(or start everything with ./setup.sh run)."
        )
    app_environ = project.app_environment(environ=environ, data_dir=data_dir, urls=urls)
    place = application_place(data_dir=data_dir)
    match name:
        case "web":
            command = project.web_command(environ=app_environ)
        case "worker":
            command = project.worker_command()
        case _:
            command = project.beat_command(schedule=place.schedule)
    command = place.command(command)
    place.enter()
    os.execve(command[0], command, place.environment(app_environ))


def manage(*, arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run manage.py with the environment set; start servers for it if none are running."""
    data_dir = project.data_dir_of(environ=environ)
    with stoppable(), borrowed(data_dir=data_dir, environ=environ) as urls:
        app_environ = project.app_environment(environ=environ, data_dir=data_dir, urls=urls)
        return foreground(command=project.manage_command(*arguments), environ=app_environ)
