"""A client generated from the OpenAPI document is small, and handles bookings, waiting, errors and paging."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from accounts.access.roles import Role
from accounts.models import User
from core import clock

PASSWORD = "quiet-harbour-42"
NAME = "generated_opd_client"
MAX_MODELS = 140
SECONDS = 40


@pytest.fixture
def package(live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The package that openapi-python-client generates from the served document."""
    (tmp_path / "config.yaml").write_text(
        "post_hooks: []\ncontent_type_overrides: {image/png: application/octet-stream}\n"
    )
    command = [str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--fail-on-warning"]
    command += ["--url", f"{live_server.url}/api/schema/", "--config", str(tmp_path / "config.yaml")]
    command += ["--meta", "none", "--output-path", str(tmp_path / NAME)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module(NAME)
    for name in [name for name in sys.modules if name.split(".")[0] == NAME]:
        del sys.modules[name]


class Caller:
    """Calls operations of the generated package as one user."""

    def __init__(self, package: ModuleType, url: str, username: str) -> None:
        self.models = importlib.import_module(f"{NAME}.models")
        self._client = package.Client(base_url=url)
        body = self.models.Credentials(username=username, password=PASSWORD)
        access = self("access.auth_token_create", body=body).access
        self._client = package.AuthenticatedClient(base_url=url, token=access)

    def __call__(self, operation: str, *arguments: Any, **keywords: Any) -> Any:
        called = importlib.import_module(f"{NAME}.api.{operation}")
        return called.sync(*arguments, client=self._client, **keywords)


@pytest.mark.django_db(transaction=True)
def test_a_generated_client_works(package: ModuleType, live_server: Any) -> None:
    User.objects.create_user("nora", "nora@hospital.example", PASSWORD, role=Role.ADMIN)
    call = Caller(package, live_server.url, "nora")
    models = call.models
    assert len([name for name in models.__all__ if name]) < MAX_MODELS

    doctor = call("register.doctors_create", body=models.DoctorInput(name="Dr. Iyer", specialization="Paediatrics"))
    start = clock.now() + timedelta(hours=3)
    plan = models.SlotInput(doctor=doctor.id, start_time=start, end_time=start + timedelta(hours=1), max_capacity=1)
    slot = call("register.slots_create", body=plan)
    assert (slot.status, slot.available_capacity) == (models.SlotStatus.ACTIVE, 1)
    patients = [
        call("register.patients_register", body=models.PatientInput(name=name, phone=f"+91984501122{number}"))
        for number, name in enumerate(("Asha Rao", "Ravi Rao"))
    ]

    def book(patient: Any, key: str, **more: Any) -> Any:
        body = models.Booking(slot.id, patient.id, models.BookableCategory.ONLINE, **more)
        return call("book.tokens_book", body=body, idempotency_key=key)

    token = book(patients[0], "first")
    assert isinstance(token, models.Token)
    assert (token.status, token.token_number) == (models.TokenStatus.CONFIRMED, 1)
    assert book(patients[0], "first") == token

    refused = book(patients[1], "second", join_waiting_list=False)
    assert isinstance(refused, models.Problem)
    assert (refused.status, refused.code) == (409, "slot-full")

    waiting = book(patients[1], "third")
    assert isinstance(waiting, models.Waitlisted)
    assert waiting.waiting_list_entry.position == 1

    page = call("register.patients_list", page=2, page_size=1)
    assert isinstance(page, models.PatientPage)
    assert (page.count, len(page.results), page.next_) == (2, 1, None)
    assert "page_size=1" in page.previous

    invalid = call("register.patients_register", body=models.PatientInput(name="", phone="1"))
    assert isinstance(invalid, models.ValidationProblem)
    assert {error.field for error in invalid.errors} == {"name", "phone"}
