"""Docker is not needed to see that what we hand to it is whole."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {"db", "redis", "migrate", "web", "worker", "beat"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_all_services_are_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES


@pytest.mark.parametrize("name", sorted(SERVICES - {"migrate"}))
def test_each_service_comes_back_and_says_whether_it_is_well(compose: dict[str, Any], name: str) -> None:
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
    for variable in ("OPD_SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        assert f"${{{variable}:?" in text
        assert not re.search(rf"\$\{{{variable}(:?-|\}})", text)


def test_nothing_of_the_data_is_open_to_the_network(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert "ports" not in service or name == "web"
    assert all(port.startswith("${OPD_BIND:-127.0.0.1}:") for port in compose["services"]["web"]["ports"])


def test_data_lie_in_volumes(compose: dict[str, Any]) -> None:
    """What must outlive a container lies where its image writes it (PGDATA; OPD_DATA_DIR) in a named volume."""
    for name, place, volume in (
        ("db", "/var/lib/postgresql/data", "db-data"),
        ("beat", "/data", "beat-data"),
    ):
        service = compose["services"][name]
        assert f"{volume}:{place}" in service["volumes"]
        assert not any(each.split(":")[0] == place for each in service.get("tmpfs", []))
        assert compose["volumes"][volume] is None  # Docker's own kind, kept until somebody removes it
    assert "PGDATA" not in compose["services"]["db"]["environment"]
    assert re.search(r"OPD_DATA_DIR=/data\b", (ROOT / "Dockerfile").read_text())


def test_the_image_does_not_run_as_root() -> None:
    assert re.search(r"^USER opd$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_lock_files_name_hashes_and_no_place_of_one_machine() -> None:
    for name in ("requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "--hash=sha256:" in text
        options = [line for line in text.splitlines() if line.startswith("-") or "file:" in line]
        assert not options, name
        for line in text.splitlines():
            if line and not line.startswith((" ", "#")):
                assert re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+", line), line
