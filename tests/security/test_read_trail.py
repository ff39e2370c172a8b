"""Every read that returns patients' names writes one row with the ids of those patients."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.access.principal import Principal
from accounts.access.roles import Role
from accounts.audit import read_trail
from accounts.models import ReadList, ReadTrail
from tests.factories import first_admin
from tests.races.interleaving import together
from tests.support.api import Answer, Api, in_process
from tests.support.eventually import eventually
from tests.support.hospital import PASSWORD, Hospital

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]


@pytest.fixture
def hospital() -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


class TrackedSlot:
    """A slot with two tokens and one waiting entry, and the read trail rows of reads of it."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital, self.doctor = hospital, hospital.doctor()
        self.slot = hospital.slot(self.doctor, capacity=2)
        self.tokens = [hospital.token(self.slot), hospital.token(self.slot)]
        self.entry = hospital.entry(self.slot)
        self.booked = {token["patient"] for token in self.tokens}
        self.queue = f"slots/{self.slot['id']}/tokens/"

    def rows_of(self, api: Api, path: str, **headers: str) -> tuple[Answer, list[ReadTrail]]:
        before = set(ReadTrail.objects.values_list("id", flat=True))
        answer = api.call("GET", path, headers=headers)
        rows = [row for row in ReadTrail.objects.all() if row.id not in before]
        assert all(row.request_id == answer.headers["x-request-id"] for row in rows)
        return answer, rows


@pytest.fixture
def tracked(hospital: Hospital) -> Iterator[TrackedSlot]:
    yield TrackedSlot(hospital)
    assert read_trail.verify_read_trail() is None


def told(rows: list[ReadTrail]) -> list[tuple[str, set[str]]]:
    return [(row.what, {str(each) for each in shown_by(row)}) for row in rows]


def shown_by(row: ReadTrail) -> list[UUID]:
    return row.patient_ids + (row.read_list.patient_ids if row.read_list else [])


def test_the_queue_of_a_slot(tracked: TrackedSlot) -> None:
    desk = tracked.hospital.desk
    me = desk.get("auth/me/").expect(200)["id"]
    tracked.hospital.do(tracked.tokens[1], "cancel").expect(200)
    entry_patient = tracked.entry["patient"]
    for query, patients in (
        ("", {*tracked.booked, entry_patient}),
        ("?in_queue=true", {tracked.tokens[0]["patient"], entry_patient}),
    ):
        for _ in range(2):  # the second one from what is kept
            answer, rows = tracked.rows_of(desk, tracked.queue + query)
            answer.expect(200)
            assert told(rows) == [("queue.read", patients)]
            assert rows[0].actor == f"user:{me}"


def test_a_queue_that_does_not_change_is_stored_once(tracked: TrackedSlot) -> None:
    reads = [tracked.rows_of(tracked.hospital.desk, tracked.queue)[1] for _ in range(3)]
    [first], [second], [third] = reads
    assert ReadList.objects.count() == 1
    assert first.read_list_id == second.read_list_id == third.read_list_id
    for patient in tracked.booked:
        assert list(read_trail.reads_of(UUID(patient))) == [first, second, third]
    tracked.hospital.do(tracked.tokens[0], "cancel").expect(200)
    assert tracked.rows_of(tracked.hospital.desk, tracked.queue)[1][0].read_list_id != first.read_list_id


def test_a_list_is_stored_again_after_the_database_was_restored(tracked: TrackedSlot) -> None:
    """The process still has the list from before, which the restored database may not have."""
    tracked.rows_of(tracked.hospital.desk, tracked.queue)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM accounts_readtrail")
        cursor.execute("DELETE FROM accounts_readlist")
        cursor.execute("SET session_replication_role = origin")
    _, rows = tracked.rows_of(tracked.hospital.desk, tracked.queue)
    assert told(rows) == [("queue.read", tracked.booked)]


def test_an_altered_list_is_found(tracked: TrackedSlot) -> None:
    tracked.rows_of(tracked.hospital.desk, tracked.queue)
    [stored] = ReadList.objects.all()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE accounts_readlist SET patient_ids = patient_ids[2:]")
        assert read_trail.verify_read_trail() == f"read trail: list {stored.id} was altered"
        cursor.execute("UPDATE accounts_readlist SET patient_ids = %s", [stored.patient_ids])
        cursor.execute("SET session_replication_role = origin")


def test_a_list_that_the_client_has_already_leaves_nothing(tracked: TrackedSlot) -> None:
    first, _ = tracked.rows_of(tracked.hospital.desk, tracked.queue)
    again, rows = tracked.rows_of(tracked.hospital.desk, tracked.queue, **{"If-None-Match": first.headers["etag"]})
    assert (again.status, rows) == (304, [])


def test_an_empty_queue_leaves_nothing(tracked: TrackedSlot) -> None:
    empty = tracked.hospital.slot()
    answer, rows = tracked.rows_of(tracked.hospital.desk, f"slots/{empty['id']}/tokens/")
    assert (answer.expect(200), rows) == ([], [])


def test_a_patient_leaves_the_names_they_saw(tracked: TrackedSlot) -> None:
    own = tracked.tokens[0]["patient"]
    answer, rows = tracked.rows_of(tracked.hospital.patient_user({"id": own}), tracked.queue)
    assert len(answer.expect(200)) == 1
    assert told(rows) == [("queue.read", {own})]


def test_a_refused_read_leaves_nothing(tracked: TrackedSlot) -> None:
    stranger = tracked.hospital.doctor_user(tracked.hospital.doctor())
    answer, rows = tracked.rows_of(stranger, tracked.queue)
    answer.expect(403, "permission-denied")
    assert rows == []


def test_a_queue_as_it_was(tracked: TrackedSlot) -> None:
    moment = tracked.hospital.now().isoformat().replace("+", "%2B")
    answer, rows = tracked.rows_of(tracked.hospital.desk, f"{tracked.queue}?as_of={moment}")
    answer.expect(200)
    assert told(rows) == [("queue.read", tracked.booked)]


def test_a_name_that_looks_like_json_adds_nobody(tracked: TrackedSlot) -> None:
    cunning = tracked.hospital.patient(name="x patient: 01a22147-5c4a-7000-b750-1230d5b16cfd")
    slot = tracked.hospital.slot()
    tracked.hospital.token(slot, cunning)
    _, rows = tracked.rows_of(tracked.hospital.desk, f"slots/{slot['id']}/tokens/")
    assert told(rows) == [("queue.read", {cunning["id"]})]


def test_lists_of_tokens_and_single_ones(tracked: TrackedSlot) -> None:
    first = tracked.tokens[0]
    for path, patients in (
        (f"tokens/?slot={tracked.slot['id']}", tracked.booked),
        (f"tokens/{first['id']}/", {first["patient"]}),
        (f"tokens/?slot={tracked.slot['id']}&page_size=1", {first["patient"]}),
    ):
        answer, rows = tracked.rows_of(tracked.hospital.desk, path)
        answer.expect(200)
        assert told(rows) == [("tokens.read", patients)], path


def test_waiting_lists(tracked: TrackedSlot) -> None:
    for path in (f"waiting-list/?slot={tracked.slot['id']}", f"waiting-list/by_slot/?slot_id={tracked.slot['id']}"):
        answer, rows = tracked.rows_of(tracked.hospital.desk, path)
        answer.expect(200)
        assert told(rows) == [("waiting_list.read", {tracked.entry["patient"]})], path


def test_patients(tracked: TrackedSlot) -> None:
    patient = tracked.hospital.patient()
    for path in (f"patients/{patient['id']}/", f"patients/?search={patient['name'].replace(' ', '%20')}"):
        answer, rows = tracked.rows_of(tracked.hospital.desk, path)
        answer.expect(200)
        assert told(rows) == [("patients.read", {patient["id"]})], path


@pytest.mark.parametrize("changes", [{}, {"needs_assistance": True}])
def test_a_change_shows_the_record_too(tracked: TrackedSlot, changes: Json) -> None:
    patient = tracked.hospital.patient()
    tracked.hospital.desk.patch(f"patients/{patient['id']}/", changes).expect(200)
    rows = list(ReadTrail.objects.filter(patient_ids__contains=[UUID(patient["id"])]))
    assert told(rows) == [("patients.write", {patient["id"]})]


def test_a_change_that_is_refused_shows_nothing(tracked: TrackedSlot) -> None:
    patient = tracked.hospital.patient()
    tracked.hospital.desk.patch(f"patients/{patient['id']}/", {"name": ""}).expect(400, "validation-error")
    assert not ReadTrail.objects.filter(patient_ids__contains=[UUID(patient["id"])]).exists()


def test_reads_at_the_same_moment_are_written_together(settings: Any, monkeypatch: Any) -> None:
    """While one row is being written, five wait; six rows take two statements."""
    settings.OPD_COMBINE = True
    written: list[int] = []
    send = read_trail.send

    def slow(statements: Any, **more: Any) -> Any:
        if not written:
            written.append(1)
            eventually(lambda: read_trail.row_writes.waiting(None) == 5)
        else:
            written.append(5)
        return send(statements, **more)

    monkeypatch.setattr(read_trail, "send", slow)
    patients = [UUID(int=number) for number in range(1, 7)]
    request = SimpleNamespace(auth=Principal(kind="user", id=uuid4(), role=Role.FRONT_DESK))

    def read(patient: UUID) -> None:
        read_trail.record_read(request, [patient], what="queue.read")

    together([lambda each=each: read(each) for each in patients])
    assert written == [1, 5]
    assert {row.patient_ids[0] for row in ReadTrail.objects.all()} == set(patients)


def test_what_cannot_be_recorded_is_not_shown(tracked: TrackedSlot) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_readtrail ADD CONSTRAINT closed CHECK (false) NOT VALID")
        try:
            answer = in_process()(
                "GET", "/api/v1/" + tracked.queue, b"", {"Authorization": tracked.hospital.desk.authorization}
            )
        finally:
            cursor.execute("ALTER TABLE accounts_readtrail DROP CONSTRAINT closed")
    assert answer.status_code == 500
    assert all(token["patient"] not in answer.text for token in tracked.tokens)
