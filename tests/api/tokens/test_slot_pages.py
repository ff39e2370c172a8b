"""Slot pages: 304 while nothing changes, and every acknowledged change is included."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clinics.facilities import update_facility
from core.clock import ManualClock
from tests.support.api import Answer, Api
from tests.support.hospital import Hospital, when

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]
Change = Callable[[Hospital, Json], Any]


def read(by: Api, doctor: str, known: str | None = None, **query: Any) -> Answer:
    headers = {} if known is None else {"If-None-Match": known}
    return by.call("GET", "slots/", headers=headers, query={"doctor": doctor, **query})


def truth(hospital: Hospital, page: Json) -> list[Json]:
    """Return each slot of the page, fetched by its own URL."""
    return [hospital.slot_now(each) for each in page["results"]]


def rename_doctor(hospital: Hospital, slot: Json) -> None:
    hospital.admin.patch(f"doctors/{slot['doctor']}/", {"name": "Dr Otherwise"}).expect(200)


def move_facility(hospital: Hospital, slot: Json) -> None:
    update_facility(facility_id=hospital.facility["id"], changes={"time_zone": "Europe/Lisbon"})


def another(hospital: Hospital, slot: Json) -> None:
    hospital.slot({"id": slot["doctor"]}, start=when(slot["end_time"]))


CHANGES: dict[str, Change] = {
    "booking": lambda hospital, slot: hospital.token(slot),
    "emergency": lambda hospital, slot: hospital.emergency(slot),
    "more seats": lambda hospital, slot: hospital.desk.patch(f"slots/{slot['id']}/", {"max_capacity": 9}).expect(200),
    "delay": lambda hospital, slot: hospital.delay(slot, 45),
    "close": lambda hospital, slot: hospital.desk.post(f"slots/{slot['id']}/close/").expect(200),
    "cancel": lambda hospital, slot: hospital.desk.post(f"slots/{slot['id']}/cancel/").expect(200),
    "another": another,
    "deleted": lambda hospital, slot: hospital.desk.delete(f"slots/{slot['id']}/").expect(204),
    "doctor": rename_doctor,
    "time zone": move_facility,
}


@pytest.fixture
def slot(hospital: Hospital) -> Json:
    """The first of a doctor's two slots."""
    doctor = hospital.doctor()
    first = hospital.slot(doctor, capacity=3)
    hospital.slot(doctor, start=when(first["start_time"]) + timedelta(hours=2))
    return first


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_seen_by_the_next_read(hospital: Hospital, slot: Json, name: str) -> None:
    before = [read(hospital.desk, slot["doctor"]) for _ in range(2)]
    assert before[0].raw == before[1].raw
    assert before[0].body["results"] == truth(hospital, before[0].body)
    tag = before[0].headers["etag"]
    assert read(hospital.desk, slot["doctor"], known=tag).status == 304
    CHANGES[name](hospital, slot)
    after = read(hospital.desk, slot["doctor"], known=tag)
    assert after.expect(200)["results"] == truth(hospital, after.body)
    assert after.body["count"] == len(after.body["results"])
    assert after.body != before[0].body
    assert read(hospital.desk, slot["doctor"], known=after.headers["etag"]).status == 304


def test_booking_the_last_free_seat_updates_the_page_at_once(hospital: Hospital) -> None:
    slot = hospital.slot(capacity=1)
    free = read(hospital.desk, slot["doctor"], available="true")
    assert [each["available_capacity"] for each in free.expect(200)["results"]] == [1]
    hospital.token(slot)
    gone = read(hospital.desk, slot["doctor"], free.headers["etag"], available="true")
    assert gone.expect(200) == {"count": 0, "next": None, "previous": None, "results": []}


def test_pages_do_not_answer_for_each_other(hospital: Hospital, slot: Json) -> None:
    queries: list[Json] = [{"page_size": 1}, {"page_size": 1, "page": 2}, {"page_size": 2}, {"status": "CLOSED"}]
    first = [read(hospital.desk, slot["doctor"], **query) for query in queries]
    assert [read(hospital.desk, slot["doctor"], **query).raw for query in queries] == [each.raw for each in first]
    assert len({each.headers["etag"] for each in first}) == len({each.raw for each in first}) == 4
    assert first[0].body["next"]
    for answer, query in zip(first, queries, strict=True):
        for other in first:
            known = read(hospital.desk, slot["doctor"], other.headers["etag"], **query)
            assert known.status == (304 if other is answer else 200)


def test_the_page_moves_with_the_clock_once_the_expected_end_may(clock: ManualClock, hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.now() + timedelta(minutes=10), minutes=20, consultation=30)
    first, _ = (hospital.token(slot, arrived=True) for _ in range(2))
    tag = read(hospital.desk, slot["doctor"]).headers["etag"]
    clock.advance(timedelta(minutes=15))
    assert read(hospital.desk, slot["doctor"], tag).status == 304
    hospital.done(first, "call")
    tag = read(hospital.desk, slot["doctor"]).headers["etag"]
    clock.advance(timedelta(minutes=1))
    moved = read(hospital.desk, slot["doctor"], tag)
    assert moved.expect(200)["results"] == truth(hospital, moved.body)
    assert when(moved.body["results"][0]["expected_end"]) == clock.now() + timedelta(minutes=30)


def test_all_permitted_readers_share_the_etag(hospital: Hospital, slot: Json) -> None:
    everybody = [hospital.desk, hospital.admin, hospital.patient_user(hospital.patient()), hospital.key("read")]
    pages = [read(by, slot["doctor"]) for by in everybody]
    assert len({page.raw for page in pages}) == len({page.headers["etag"] for page in pages}) == 1
    assert [read(by, slot["doctor"], pages[0].headers["etag"]).status for by in everybody] == [304] * len(everybody)
