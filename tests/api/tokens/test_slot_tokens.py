"""A slot's token list: cached while nothing changes, and every acknowledged change is included."""

import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from clinics.facilities import update_facility
from core.api import response_cache
from core.clock import ManualClock
from patients.models import Patient
from tests.support.api import Answer, Api
from tests.support.hospital import Hospital, when
from tokens.api import slot_tokens
from tokens.queries.queue_list import Head
from tokens.services import TokenAllocationService

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]
Change = Callable[[Hospital, Json, list[Json]], Any]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the slots whose lists were built from the database."""
    slots: list[str] = []
    original = slot_tokens.listed

    def noted(*, head: Head, **facts: Any) -> Any:
        slots.append(str(head.id))
        return original(head=head, **facts)

    monkeypatch.setattr(slot_tokens, "listed", noted)
    return slots


def read(by: Api, slot: Json, known: str | None = None, query: str = "") -> Answer:
    headers = {} if known is None else {"If-None-Match": known}
    return by.call("GET", f"slots/{slot['id']}/tokens/{query}", headers=headers)


def truth(hospital: Hospital, slot: Json) -> list[Json]:
    """Return the list assembled from single tokens, which are not cached."""
    tokens = hospital.desk.get("tokens/", slot=slot["id"], page_size=200).expect(200)["results"]
    queue = sorted((each for each in tokens if each["token_number"]), key=lambda each: each["token_number"])
    rest = [each for each in tokens if each["token_number"] is None]
    return queue + sorted(rest, key=lambda each: (len(each["ticket"]), each["ticket"]))


def the_first(action: str) -> Change:
    return lambda hospital, slot, tokens: hospital.done(tokens[0], action)


def rename_doctor(hospital: Hospital, slot: Json, tokens: list[Json]) -> None:
    hospital.admin.patch(f"doctors/{slot['doctor']}/", {"name": "Dr Otherwise"}).expect(200)


def rename_patient(hospital: Hospital, slot: Json, tokens: list[Json]) -> None:
    hospital.desk.patch(f"patients/{tokens[0]['patient']}/", {"name": "Somebody Else"}).expect(200)


def rename_behind_the_engine(hospital: Hospital, slot: Json, tokens: list[Json]) -> None:
    Patient.objects.filter(id=tokens[0]["patient"]).update(name="By Hand")


def move_facility(hospital: Hospital, slot: Json, tokens: list[Json]) -> None:
    update_facility(facility_id=hospital.facility["id"], changes={"time_zone": "Europe/Lisbon"})


def erase(hospital: Hospital, slot: Json, tokens: list[Json]) -> None:
    call_command("erase_patient", tokens[-1]["patient"])


def later(hospital: Hospital, slot: Json, tokens: list[Json]) -> None:
    start, end = (when(slot[name]) + timedelta(minutes=30) for name in ("start_time", "end_time"))
    changes = {"start_time": start.isoformat(), "end_time": end.isoformat()}
    hospital.desk.patch(f"slots/{slot['id']}/", changes).expect(200)


CHANGES: dict[str, Change] = {
    "booking": lambda hospital, slot, tokens: hospital.token(slot),
    "hold": lambda hospital, slot, tokens: hospital.token(slot, hold=True),
    "emergency": lambda hospital, slot, tokens: hospital.emergency(slot),
    "cancel": lambda hospital, slot, tokens: hospital.do(tokens[0], "cancel").expect(200),
    "buffer": lambda hospital, slot, tokens: hospital.do(tokens[0], "buffer").expect(200),
    "check_in": the_first("check_in"),
    "call": the_first("call"),
    "no_show": the_first("no_show"),
    "call_next": lambda hospital, slot, tokens: hospital.desk.post(f"slots/{slot['id']}/call_next/").expect(200),
    "delay": lambda hospital, slot, tokens: hospital.delay(slot, 30),
    "slot": later,
    "cancel the slot": lambda hospital, slot, tokens: hospital.desk.post(f"slots/{slot['id']}/cancel/").expect(200),
    "doctor": rename_doctor,
    "patient": rename_patient,
    "patient by hand": rename_behind_the_engine,
    "erased": erase,
    "time zone": move_facility,
}


@pytest.fixture
def slot_and_tokens(hospital: Hospital) -> tuple[Json, list[Json]]:
    """A slot with a booked, a present and a cancelled token."""
    slot = hospital.slot(capacity=6)
    tokens = [hospital.token(slot), hospital.token(slot, arrived=True), hospital.token(slot)]
    hospital.do(tokens[-1], "cancel").expect(200)
    return slot, tokens


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_seen_by_the_next_read(
    hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]], name: str
) -> None:
    slot, tokens = slot_and_tokens
    before = [read(hospital.desk, slot) for _ in range(2)]
    assert before[0].raw == before[1].raw
    assert before[0].body == truth(hospital, slot)
    CHANGES[name](hospital, slot, tokens)
    asked = read(hospital.desk, slot, known=before[1].headers["etag"])
    asked.expect(200)
    assert asked.headers["etag"] != before[0].headers["etag"]
    plain = read(hospital.desk, slot)
    assert asked.body == plain.body == truth(hospital, slot)
    assert read(hospital.desk, slot, known=plain.headers["etag"]).status == 304


def test_a_swept_hold_is_seen(clock: ManualClock, hospital: Hospital) -> None:
    slot = hospital.slot()
    hospital.token(slot, hold=True)
    known = read(hospital.desk, slot).headers["etag"]
    clock.advance(timedelta(minutes=5))
    assert read(hospital.desk, slot, known).status == 304  # a hold ends when it is swept
    TokenAllocationService().sweep()
    seen = read(hospital.desk, slot, known)
    assert [each["status"] for each in seen.expect(200)] == ["EXPIRED"]


def test_nothing_is_made_twice_while_nothing_changes(
    hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]], made: list[str]
) -> None:
    slot, _ = slot_and_tokens
    for _ in range(5):
        read(hospital.desk, slot).expect(200)
    assert len(made) == 1
    hospital.token(slot)
    for _ in range(5):
        read(hospital.desk, slot).expect(200)
    assert len(made) == 2


def test_with_a_dead_redis_a_list_is_as_true(
    hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot, _ = slot_and_tokens
    known = read(hospital.desk, slot).headers["etag"]
    with socket.socket() as unused:  # bound, but not listening
        unused.bind(("127.0.0.1", 0))
        settings.REDIS_URL = f"redis://127.0.0.1:{unused.getsockname()[1]}/0"
        monkeypatch.setattr(response_cache, "cache", response_cache.ResponseCache())
        assert read(hospital.desk, slot, known).status == 304
        assert read(hospital.desk, slot).expect(200) == truth(hospital, slot)
        hospital.token(slot)
        assert read(hospital.desk, slot, known).expect(200) == truth(hospital, slot)


# The clock


def test_before_the_first_call_the_list_stands_still(
    clock: ManualClock, hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]], made: list[str]
) -> None:
    slot, _ = slot_and_tokens
    known = read(hospital.desk, slot).headers["etag"]
    clock.advance(timedelta(minutes=7))
    assert read(hospital.desk, slot, known).status == 304
    assert len(made) == 1


def test_the_list_moves_with_the_clock_from_the_moment_its_estimates_do(clock: ManualClock, hospital: Hospital) -> None:
    slot = hospital.slot(start=hospital.now() + timedelta(minutes=30), consultation=10)
    first, _ = (hospital.token(slot, arrived=True) for _ in range(2))
    hospital.done(first, "call", "start")
    known = read(hospital.desk, slot).headers["etag"]
    clock.advance(timedelta(minutes=30))  # the planned start: no delay yet
    assert read(hospital.desk, slot, known).status == 304
    for step in (timedelta(seconds=30), timedelta(seconds=1), timedelta(hours=3)):
        clock.advance(step)
        moved = read(hospital.desk, slot, known)
        assert moved.expect(200) == truth(hospital, slot)
        assert when(moved.body[0]["estimated_time"]) == clock.now()
        known = moved.headers["etag"]
        assert read(hospital.desk, slot, known).status == 304


def test_the_list_is_cached_for_at_most_a_second_of_estimates(
    clock: ManualClock, hospital: Hospital, made: list[str]
) -> None:
    slot = hospital.slot(start=hospital.now() + timedelta(minutes=30))
    first, _ = (hospital.token(slot, arrived=True) for _ in range(2))
    hospital.done(first, "call")
    clock.advance(timedelta(hours=1, milliseconds=200))
    early = read(hospital.desk, slot)
    clock.advance(timedelta(milliseconds=700))
    late = read(hospital.desk, slot)
    assert early.raw == late.raw
    assert len(made) == 1
    estimate = when(late.body[0]["estimated_time"])
    assert clock.now() < estimate <= clock.now() + timedelta(seconds=1)
    clock.advance(timedelta(milliseconds=101))
    assert when(read(hospital.desk, slot).body[0]["estimated_time"]) == estimate + timedelta(seconds=1)


# Callers


def test_a_patient_sees_only_their_own_tokens(hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]]) -> None:
    slot, tokens = slot_and_tokens
    whole = read(hospital.desk, slot)
    patient = hospital.patient_user({"id": tokens[0]["patient"]}, {"id": tokens[2]["patient"]})
    other, stranger = hospital.patient_user({"id": tokens[1]["patient"]}), hospital.patient_user(hospital.patient())
    own = read(patient, slot, known=whole.headers["etag"])
    assert own.expect(200) == [each for each in whole.body if each["id"] in (tokens[0]["id"], tokens[2]["id"])]
    assert own.body[0]["token_number"] == hospital.read(tokens[0])["token_number"]
    assert [each["id"] for each in read(other, slot).expect(200)] == [tokens[1]["id"]]
    assert read(stranger, slot).expect(200) == []
    assert read(patient, slot, query="?in_queue=true").expect(200) == own.body[:1]
    assert read(hospital.desk, slot, known=own.headers["etag"]).expect(200) == whole.body


def test_a_new_member_of_the_family_is_seen_at_once(
    hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]]
) -> None:
    slot, tokens = slot_and_tokens
    patient = hospital.patient_user({"id": tokens[0]["patient"]})
    known = read(patient, slot).headers["etag"]
    child = patient.post("patients/", {"name": "Little One", "phone": "+919800000001"}).expect(201)
    hospital.token(slot, child)
    assert child["id"] in {each["patient"] for each in read(patient, slot, known).expect(200)}


def test_a_doctor_reads_own_slots_and_nobody_reads_without_credentials(
    hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]]
) -> None:
    slot, _ = slot_and_tokens
    whole = read(hospital.desk, slot)
    own = hospital.doctor_user({"id": slot["doctor"]})
    assert read(own, slot).expect(200) == whole.body
    read(hospital.doctor_user(hospital.doctor()), slot, known=whole.headers["etag"]).expect(403, "permission-denied")
    read(hospital.nobody, slot, known="*").expect(401, "not-authenticated")
    assert read(hospital.key("read"), slot).expect(200) == whole.body
    read(hospital.desk, {"id": slot["doctor"]}).expect(404, "not-found")


def test_an_ended_session_does_not_get_304(hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]]) -> None:
    slot, _ = slot_and_tokens
    known = read(hospital.desk, slot).headers["etag"]
    leaver = hospital.user("FRONT_DESK")
    assert read(leaver, slot, known).status == 304
    user = leaver.get("auth/me/").expect(200)
    hospital.admin.patch(f"users/{user['id']}/", {"is_active": False}).expect(200)
    leaver.renew = None
    read(leaver, slot, known).expect(401, "not-authenticated")


# HTTP headers


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"something else", {tag}', 304),
        ('W/"x",W/{tag}', 304),
        ("*", 304),
        ('"something else"', 200),
        ("{bare}", 200),
        ("", 200),
        ("nonsense, {bare}", 200),
    ],
)
def test_if_none_match_after_rfc_9110(
    hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]], header: str, status: int
) -> None:
    slot, _ = slot_and_tokens
    whole = read(hospital.desk, slot)
    tag = whole.headers["etag"]
    answer = read(hospital.desk, slot, known=header.format(tag=tag, bare=tag.strip('"')))
    assert answer.status == status
    assert answer.raw == (b"" if status == 304 else whole.raw)


def test_the_headers_keep_a_list_to_its_reader(hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]]) -> None:
    slot, _ = slot_and_tokens
    whole = read(hospital.desk, slot)
    for answer in (whole, read(hospital.desk, slot, known=whole.headers["etag"])):
        assert answer.headers["cache-control"] == "no-store"
        assert "authorization" in answer.headers["vary"].lower()
        assert answer.headers["etag"] == whole.headers["etag"]
    assert whole.headers["etag"].startswith('"')
    assert whole.headers["content-type"] == "application/json"


def test_filters_methods_and_forms_other_than_the_usual(
    hospital: Hospital, slot_and_tokens: tuple[Json, list[Json]]
) -> None:
    slot, _ = slot_and_tokens
    queue = read(hospital.desk, slot, query="?in_queue=true").expect(200)
    assert read(hospital.desk, slot, query="?in_queue=1").expect(200) == queue
    assert read(hospital.desk, slot, query="?in_queue=false").body == read(hospital.desk, slot).body
    assert read(hospital.desk, slot, query="?in_queue=perhaps").expect(400)["code"] == "validation-error"
    assert read(hospital.desk, slot, query="?page=2").codes == {"page": "unknown-field"}
    hospital.desk.call("GET", f"slots/{slot['id']}/tokens/", headers={"Accept": "text/csv"}).expect(406)
    hospital.desk.post(f"slots/{slot['id']}/tokens/").expect(405, "method-not-allowed")
