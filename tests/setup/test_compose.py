"""Checks of the Compose file and Dockerfile that do not need Docker."""

import json
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("OPD_SECRET_KEY", "POSTGRES_PASSWORD", "POSTGRES_OWNER_PASSWORD", "POSTGRES_APP_PASSWORD", "REDIS_PASSWORD")
SERVED = ("web", "worker", "beat")
SERVICES = {"db", "redis", "migrate", "web", "worker", "beat"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_all_services_are_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES


@pytest.mark.parametrize("name", sorted(SERVICES - {"migrate"}))
def test_each_service_restarts_and_has_a_health_check(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]


def test_migrations_run_once_and_before_everything_that_needs_them(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["migrate"]["restart"] == "no"
    for name in ("web", "worker", "beat"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_images_are_pinned(compose: dict[str, Any]) -> None:
    for name in ("db", "redis"):
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?-[a-z0-9.]+", compose["services"][name]["image"])
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("FROM") and " AS final" not in line:
            assert re.search(r":\d+\.\d+\.\d+-", line) or re.fullmatch(r"FROM [a-z]+ AS [a-z]+", line)


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for variable in SECRETS:
        assert f"${{{variable}:?" in text
        assert not re.search(rf"\$\{{{variable}(:?-|\}})", text)


def test_nothing_of_the_data_is_open_to_the_network(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert "ports" not in service or name == "web"
    assert all(port.startswith("${OPD_BIND:-127.0.0.1}:") for port in compose["services"]["web"]["ports"])


def test_data_lie_in_volumes(compose: dict[str, Any]) -> None:
    """Data that must outlive a container are in named volumes at the image's path (PGDATA, OPD_DATA_DIR)."""
    for name, place, volume in (
        ("db", "/var/lib/postgresql/data", "db-data"),
        ("beat", "/data", "beat-data"),
    ):
        service = compose["services"][name]
        assert f"{volume}:{place}" in service["volumes"]
        assert not any(each.split(":")[0] == place for each in service.get("tmpfs", []))
        assert compose["volumes"][volume] is None  # a default named volume, kept until it is removed
    assert "PGDATA" not in compose["services"]["db"]["environment"]
    assert re.search(r"OPD_DATA_DIR=/data\b", (ROOT / "Dockerfile").read_text())


def test_nothing_runs_as_root_or_with_privileges(compose: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (\w+)$", dockerfile, re.MULTILINE) == ["opd"]
    assert dockerfile.index("\nUSER opd") < dockerfile.index("\nCMD")
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
    assert (compose["services"]["db"]["user"], compose["services"]["redis"]["user"]) == ("postgres", "valkey")


def test_what_lies_in_memory_is_bounded(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["tmpfs"], name
        assert all(re.search(r"\bsize=\d+m\b", mount) for mount in service["tmpfs"]), name


def test_the_database_is_asked_where_only_the_real_server_answers(compose: dict[str, Any]) -> None:
    asked = compose["services"]["db"]["healthcheck"]["test"]
    assert asked[:4] == ["CMD", "pg_isready", "-h", "127.0.0.1"]


def test_only_migrate_knows_more_than_the_role_of_the_application(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in SERVED:
        environment = services[name]["environment"]
        assert urlsplit(re.sub(r"\$\{[^}]*\}", "x", environment["DATABASE_URL"])).username == "opd_app"
        assert not {"DATABASE_OWNER_URL", "DATABASE_ADMIN_URL"} & set(environment), name
        assert "POSTGRES_PASSWORD" not in str(environment), name
        assert "POSTGRES_OWNER_PASSWORD" not in str(environment), name
    migrate = services["migrate"]
    users = {
        name: urlsplit(re.sub(r"\$\{[^}]*\}", "x", migrate["environment"][name])).username
        for name in ("DATABASE_ADMIN_URL", "DATABASE_OWNER_URL", "DATABASE_URL")
    }
    assert list(users.values()) == [services["db"]["environment"]["POSTGRES_USER"], "opd_owner", "opd_app"]
    assert migrate["command"][-1].index("make_roles") < migrate["command"][-1].index("migrate --noinput")


def test_one_service_builds_the_image_and_the_others_take_it(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert [name for name in services if "build" in services[name]] == ["migrate"]
    assert {services[name]["pull_policy"] for name in SERVED} == {"never"}
    assert {services[name]["image"] for name in (*SERVED, "migrate")} == {services["migrate"]["image"]}
    assert services["migrate"]["healthcheck"] == {"disable": True}


def test_health_checks_do_not_start_the_engine(compose: dict[str, Any]) -> None:
    """Each check of web and worker starts a process every few seconds, so it must be cheap."""
    probe = ["CMD", "python3", "-I", "-S", "devserver/probe.py"]
    assert compose["services"]["web"]["healthcheck"]["test"] == probe
    assert (
        f"HEALTHCHECK --interval=15s --timeout=5s --start-period=40s CMD {json.dumps(probe[1:])}"
        in (ROOT / "Dockerfile").read_text()
    )
    for name in SERVED:
        assert not re.search(r"celery -|manage|setup\.sh", str(compose["services"][name]["healthcheck"]["test"])), name


@pytest.mark.parametrize(("status", "code"), [(b"200 OK", 0), (b"503 Service Unavailable", 1), (None, 1)])
def test_the_probe_reports_whether_web_is_ready(status: bytes | None, code: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, heard = server.getsockname()[1], list[bytes]()

        def answer() -> None:
            link, _ = server.accept()
            with link:
                heard.append(link.recv(4096))
                if status is not None:
                    link.sendall(b"HTTP/1.1 " + status + b"\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        environ = {"OPD_PORT": str(port), "OPD_ALLOWED_HOSTS": ".hospital.example,other"}
        command = [sys.executable, "-I", "-S", str(ROOT / "devserver/probe.py")]
        assert subprocess.run(command, env=environ, timeout=20).returncode == code
        thread.join()
    assert heard[0].startswith(b"GET /healthz/ready HTTP/1.1\r\nHost: hospital.example\r\n")
    assert subprocess.run(command, env=environ, timeout=20).returncode == 1  # the port is closed


def test_the_probe_loads_next_to_nothing() -> None:
    program = "import sys, runpy; runpy.run_path(sys.argv[1]); print(len(sys.modules), 'http' in sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", program, str(ROOT / "devserver/probe.py")]
    count, http = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split()
    assert int(count) < 80
    assert http == "False"


def test_the_image_holds_bytecode_and_can_be_read_by_its_user() -> None:
    """For every package in the image, and whatever the umask of the clone."""
    dockerfile, ignored = (ROOT / "Dockerfile").read_text(), (ROOT / ".dockerignore").read_text().split()
    compiled = re.search(r"-m compileall -q -j 0 ([a-z ]+)$", dockerfile, re.MULTILINE)
    assert compiled
    packages = {name[1:] for name in ignored if name.startswith("!") and (ROOT / name[1:] / "__init__.py").exists()}
    assert set(compiled[1].split()) == packages - {"demonstration"}
    assert "COPY --chmod=755 . ." in dockerfile
    assert "COPY --chmod=755 setup.sh requirements.txt ./" in dockerfile


def test_lock_files_name_hashes_and_no_place_of_one_machine() -> None:
    for name in ("requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "--hash=sha256:" in text
        options = [line for line in text.splitlines() if line.startswith("-") or "file:" in line]
        assert not options, name
        for line in text.splitlines():
            if line and not line.startswith((" ", "#")):
                assert re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+", line), line
