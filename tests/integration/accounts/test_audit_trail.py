"""History written by database triggers, and detection of changes to the audit trail."""

import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.utils import DatabaseError

from accounts import users
from accounts.access.principal import Principal
from accounts.access.roles import Role
from accounts.audit import read_trail
from accounts.auth import api_keys
from accounts.models import ApiKey, ReadSeal, ReadTrail, User
from core.clock import ManualClock
from tests.factories import first_admin
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital

pytestmark = pytest.mark.django_db

History: Any = User.pgh_event_model  # type: ignore[attr-defined]


@pytest.fixture
def hospital() -> Hospital:
    """Users of every role, and shortcuts that create objects."""
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


def request_of(principal: Principal | None = None) -> Any:
    principal = principal or Principal(kind="user", id=uuid.uuid4(), role=Role.FRONT_DESK)
    return SimpleNamespace(auth=principal, user=None, request_id="request-1")


def make_user(**fields: Any) -> User:
    given = {"username": "desk", "email": "desk@hospital.example", "role": Role.FRONT_DESK, **fields}
    return users.create_user(password="quiet-harbour-42", by="user:x", **given)


def test_changes_of_users_are_recorded_with_who_made_them() -> None:
    request = request_of()
    with read_trail.attributed(request):
        user = make_user()
        users.change_user(user_id=user.pk, changes={"role": Role.ADMIN}, by="user:x")
        make_user(username="other", email="", role=Role.ADMIN)
        users.remove_user(user_id=user.pk, by="user:x")
    rows = list(History.objects.filter(pgh_obj_id=user.pk).order_by("pgh_id"))
    assert (rows[0].pgh_label, rows[-1].pgh_label) == ("insert", "delete")
    assert rows[0].role == "FRONT_DESK"
    assert {row.pgh_context.metadata["actor"] for row in rows} == {request.auth.actor}
    assert rows[0].pgh_context.metadata["request_id"] == "request-1"
    assert not {"password", "last_login"} & {field.name for field in History._meta.fields}


def test_the_database_records_what_went_past_the_code() -> None:
    user = make_user()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET role = 'ADMIN' WHERE id = %s", [user.pk])
    assert History.objects.filter(pgh_obj_id=user.pk, role="ADMIN").exists()


def test_changes_of_keys_are_recorded_but_not_their_use_nor_their_secret(clock: ManualClock) -> None:
    history: Any = ApiKey.pgh_event_model  # type: ignore[attr-defined]
    key, text = api_keys.make_key(name="Laboratory", scopes=["read"])
    api_keys.authenticate_key(text=text, address="127.0.0.1")
    api_keys.revoke_key(key_id=key.pk)
    assert [row.pgh_label for row in history.objects.order_by("pgh_id")] == ["insert", "update"]
    assert "secret_sha256" not in {field.name for field in history._meta.fields}


@pytest.mark.parametrize("change", ["UPDATE accounts_userevent SET role = 'PATIENT'", "DELETE FROM accounts_userevent"])
def test_the_history_refuses_to_be_rewritten(change: str) -> None:
    make_user()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


def test_reading_leaves_a_row(clock: ManualClock) -> None:
    patients, request = [uuid.uuid4(), uuid.uuid4()], request_of()
    read_trail.record_read(request, patients)
    read_trail.record_read(request, [])
    row = ReadTrail.objects.get()
    assert (row.actor, row.patient_ids, row.what, row.request_id, row.at) == (
        request.auth.actor, sorted(patients), "patients.read", "request-1", clock.now(),
    )  # fmt: skip
    assert ReadTrail.objects.filter(patient_ids__contains=[patients[0]]).exists()


def read_and_seal(times: int = 3) -> None:
    for _ in range(times):
        read_trail.record_read(request_of(), [uuid.uuid4()])
    read_trail.seal_reads()


def test_seals_cover_every_row_once_and_fit() -> None:
    read_and_seal()
    read_and_seal(2)
    assert read_trail.seal_reads() == 0
    assert [(seal.number, seal.rows) for seal in ReadSeal.objects.all()] == [(1, 3), (2, 2)]
    assert read_trail.verify_read_trail() is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE accounts_readtrail SET actor = 'user:nobody'", "UPDATE accounts_readtrail SET seal_id = NULL",
        "DELETE FROM accounts_readtrail", "DELETE FROM accounts_readseal", "UPDATE accounts_readseal SET rows = 7",
        "DELETE FROM accounts_readlist", "UPDATE accounts_readlist SET patient_ids = '{}'",
    ],
)  # fmt: skip
def test_the_database_refuses_to_change_the_trail(change: str) -> None:
    read_trail.record_list_read(request_of(), read_trail.PatientList([uuid.uuid4()]), what="queue.read")
    read_and_seal()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


FIRST_OF_2 = "(SELECT min(id::text)::uuid FROM accounts_readtrail WHERE seal_id = 2)"
LAST_OF_2 = FIRST_OF_2.replace("min", "max")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (f"UPDATE accounts_readtrail SET actor = 'user:nobody' WHERE id = {FIRST_OF_2}", "row {1} was altered"),
        (f"UPDATE accounts_readtrail SET at = at + interval '1 s' WHERE id = {LAST_OF_2}", "row {3} was altered"),
        (f"UPDATE accounts_readtrail SET patient_ids = '{{}}' WHERE id = {LAST_OF_2}", "row {3} was altered"),
        (f"DELETE FROM accounts_readtrail WHERE id = {FIRST_OF_2}", "row {2} was altered, or the one before"),
        (f"DELETE FROM accounts_readtrail WHERE id = {LAST_OF_2}", "seal 2 was altered, or its last rows"),
        ("DELETE FROM accounts_readtrail WHERE seal_id = 2", "seal 2 was altered"),
        ("UPDATE accounts_readseal SET digest = '\\x00' WHERE number = 2", "seal 2 was altered"),
        ("UPDATE accounts_readseal SET rows = 2 WHERE number = 2", "seal 2 was altered"),
        ("DELETE FROM accounts_readseal WHERE number = 2", "seal 2 is missing"),
    ],
)
def test_who_gets_past_the_triggers_is_found_out(change: str, found: str) -> None:
    for _ in range(3):
        read_and_seal()
    ids = list(ReadTrail.objects.filter(seal=2).order_by("id").values_list("id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(change)
        cursor.execute("SET LOCAL session_replication_role = origin")
        told = read_trail.verify_read_trail() or ""
    assert found.format("", *ids) in told


def test_slots_doctors_and_patients_are_remembered_too(hospital: Hospital) -> None:
    """History records planning and decisions with their actor; a booking writes no history of the slot."""
    doctor, patient = hospital.doctor(), hospital.patient()
    slot = hospital.slot(doctor)
    spare = hospital.slot(doctor, start=hospital.at("15:00"))
    history: Any = apps.get_model("clinics.SlotHistory").objects.filter(pgh_obj_id=slot["id"])
    hospital.token(slot, patient)
    assert not history.exists()
    hospital.desk.patch(f"slots/{slot['id']}/", {"max_capacity": 9}).expect(200)
    hospital.desk.post(f"slots/{slot['id']}/close/").expect(200)
    assert [(row.max_capacity, row.status) for row in history.order_by("pgh_id")] == [(9, "ACTIVE"), (9, "CLOSED")]
    hospital.desk.delete(f"slots/{spare['id']}/").expect(204)
    assert apps.get_model("clinics.SlotHistory").objects.get(pgh_obj_id=spare["id"]).pgh_label == "delete"

    gone, stranger = hospital.doctor(), hospital.patient()
    hospital.admin.delete(f"doctors/{gone['id']}/").expect(204)
    hospital.desk.delete(f"patients/{stranger['id']}/").expect(204)
    for model, key in (("clinics.DoctorEvent", gone["id"]), ("patients.PatientEvent", stranger["id"])):
        rows = list(apps.get_model(model).objects.filter(pgh_obj_id=key).order_by("pgh_id"))
        assert (rows[0].pgh_label, rows[-1].pgh_label) == ("insert", "delete")
        assert all(row.pgh_context.metadata["actor"].startswith("user:") for row in rows)
