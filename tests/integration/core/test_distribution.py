"""What a database that is distributed by facility needs, and costs a single one nothing: joins by facility and id, no
deferred references, and history ids that never run out.
"""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import first_admin
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital
from tokens.audit import invariants

JOIN = re.compile(r'JOIN "clinics_slot" ON .*"(?P<own>tokens_token|waitlist_waitlistentry)"\."slot_id"')


@pytest.fixture
def hospital(db: None) -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


def joins_by_id_alone(queries: CaptureQueriesContext) -> list[str]:
    """The statements that join a slot to its tokens or entries without naming the facility of both."""
    found = []
    for query in queries.captured_queries:
        for join in JOIN.finditer(query["sql"]):
            both = f'"clinics_slot"."facility_id" = ("{join["own"]}"."facility_id")'
            if both not in query["sql"]:
                found.append(query["sql"])
    return found


def test_every_list_joins_slots_by_facility_and_id(hospital: Hospital) -> None:
    slot, _ = hospital.full_slot()
    entry = hospital.entry(slot)
    doctor = hospital.doctor_user({"id": slot["doctor"]})
    patient = hospital.patient_user({"id": entry["patient"]})
    with CaptureQueriesContext(connection) as queries:
        for who in (hospital.desk, doctor, patient):
            who.get("tokens/", doctor=slot["doctor"]).expect(200)
            who.get("waiting-list/by_slot/", slot_id=slot["id"]).expect(200)
            for path in ("tokens/", "waiting-list/"):
                who.get(path).expect(200)
                who.get(path, slot=slot["id"]).expect(200)
        hospital.desk.get("patients/").expect(200)
        doctor.get("patients/").expect(200)
        assert [*invariants.oversold_slots(), *invariants.cancelled_slots()] == []
    assert any(JOIN.search(query["sql"]) for query in queries.captured_queries)
    assert joins_by_id_alone(queries) == []


def test_a_waiting_list_is_ordered_without_a_join() -> None:
    from waitlist.models import WaitlistEntry

    assert "JOIN" not in str(WaitlistEntry.objects.all().query)


def test_the_slots_of_a_doctor_are_locked_in_their_facility(hospital: Hospital) -> None:
    slot = hospital.slot()
    with CaptureQueriesContext(connection) as queries:
        hospital.admin.delete(f"doctors/{slot['doctor']}/").expect(204)
    locking = [each["sql"] for each in queries.captured_queries if "FOR NO KEY UPDATE" in each["sql"]]
    of_slots = [sql for sql in locking if 'FROM "clinics_slot"' in sql]
    assert of_slots
    assert all(re.search(r'\bfacility_id"? = ', sql) for sql in of_slots)


def rows(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [name for (name,) in cursor.fetchall()]


def test_every_reference_is_checked_at_once(db: None) -> None:
    deferred = rows("SELECT conrelid::regclass || '.' || conname FROM pg_constraint WHERE condeferrable")
    assert deferred == []
    assert rows("SELECT conname::text FROM pg_constraint WHERE contype = 'f'")


def test_history_ids_have_64_bits(db: None) -> None:
    columns = "FROM information_schema.columns WHERE column_name = 'pgh_id' AND table_schema = 'public'"
    assert len(rows(f"SELECT table_name::text {columns}")) >= 6
    assert rows(f"SELECT table_name::text {columns} AND data_type <> 'bigint'") == []
    sequences = "FROM pg_sequences WHERE sequencename LIKE '%pgh_id%'"
    assert len(rows(f"SELECT sequencename::text {sequences}")) >= 6
    assert rows(f"SELECT sequencename::text {sequences} AND data_type <> 'bigint'::regtype") == []


def test_the_history_of_a_slot_names_its_facility(hospital: Hospital) -> None:
    slot = hospital.slot()
    hospital.desk.patch(f"slots/{slot['id']}/", {"max_capacity": 7}).expect(200)
    [facility] = rows(f"SELECT facility_id::text FROM clinics_slothistory WHERE pgh_obj_id = '{slot['id']}'")
    assert facility == hospital.facility["id"]
