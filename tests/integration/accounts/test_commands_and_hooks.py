"""Set-up and pruning commands, and the hooks that other apps register."""

import inspect
import stat
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command

from accounts import hooks, tasks
from accounts.access.roles import Role
from accounts.auth import one_time_codes, sessions
from accounts.limits import attempts
from accounts.models import AttemptCount, OneTimeCode, ReadSeal, Session, User, first_facility_id
from core.clock import ManualClock

pytestmark = pytest.mark.django_db


def ensure(file: Path) -> str:
    out = StringIO()
    call_command("ensure_staff", credentials=file, stdout=out)
    return out.getvalue()


def test_the_first_staff_can_get_in_and_nobody_else_reads_how(tmp_path: Path) -> None:
    file = tmp_path / "new" / "credentials"
    printed = ensure(file)
    lines = dict(line.split() for line in file.read_text().splitlines())
    assert set(lines) == {"admin", "desk"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for name, role in (("admin", Role.ADMIN), ("desk", Role.FRONT_DESK)):
        user = User.objects.get(username=name)
        assert user.role == role
        assert user.check_password(lines[name])
        assert lines[name] in printed


def test_once_there_is_an_administrator_nothing_happens(tmp_path: Path) -> None:
    User.objects.create_superuser("root", "", "quiet-harbour-42")
    printed = ensure(tmp_path / "credentials")
    assert not (tmp_path / "credentials").exists()
    assert "nothing to do" in printed
    assert User.objects.count() == 1


def test_the_patients_app_provides_the_registrar() -> None:
    registrar = hooks.patient_registrar()
    assert set(inspect.signature(registrar).parameters) >= {"facility_id", "name", "phone", "email", "date_of_birth"}
    facts: dict[str, Any] = {
        "facility_id": first_facility_id(),
        "name": "Asha Rao",
        "phone": "+91 98450 11223",
        "email": "a@mail.example",
    }
    first = registrar(**facts, date_of_birth=date(1961, 4, 9))
    second = registrar(**facts, date_of_birth=None)
    assert first != second, "a new record, also for a name and phone that are on file"
    assert apps.get_model("patients.Patient").objects.filter(pk__in=[first, second]).count() == 2


def test_without_the_patients_app_it_says_so(monkeypatch: Any) -> None:
    monkeypatch.setattr(hooks, "_patient_registrar", None)
    with pytest.raises(RuntimeError, match="patients app"):
        hooks.patient_registrar()


def test_what_has_expired_is_removed_and_nothing_else(clock: ManualClock) -> None:
    user = User.objects.create_user("desk")
    sessions.open_session(user=user)
    one_time_codes.new_code(purpose=OneTimeCode.Purpose.RESET, address="a@mail.example", sender="10.0.0.1")
    attempts.Limit("test", 5).count("somebody")
    clock.advance(hours=23)
    fresh = sessions.open_session(user=user)
    one_time_codes.new_code(purpose=OneTimeCode.Purpose.RESET, address="b@mail.example", sender="10.0.0.1")
    attempts.Limit("test", 5).count("somebody else")
    clock.advance(hours=1, seconds=1)
    one_time_codes.new_code(purpose=OneTimeCode.Purpose.RESET, address="c@mail.example", sender="10.0.0.1")
    tasks.tidy()
    tasks.tidy()
    assert Session.objects.count() == 1
    assert sessions.RefreshToken(fresh.refresh).session_id == Session.objects.get().pk  # type: ignore[arg-type]
    assert [each.address for each in OneTimeCode.objects.all()] == ["c@mail.example"]
    assert AttemptCount.objects.filter(key=attempts.Limit("test", 5).key("somebody else")).exists()
    assert not AttemptCount.objects.filter(key=attempts.Limit("test", 5).key("somebody")).exists()


def test_sealing_may_run_twice() -> None:
    tasks.seal_reads()
    tasks.seal_reads()
    assert not ReadSeal.objects.exists()
