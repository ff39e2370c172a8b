"""The express lane answers as the ordinary lane does, and leaves to it what it does not know."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.limits.rates import PatientBookingThrottle
from tests.api.tokens.lanes import both, headers_of, shape
from tests.support.api import Api
from tests.support.hospital import Hospital
from tokens.engine import locking

pytestmark = pytest.mark.django_db(transaction=True)

Body = dict[str, Any]


def _booking(hospital: Hospital, slot: Body, **changes: Any) -> Body:
    return {"slot_id": slot["id"], "patient_id": hospital.patient()["id"], "category": "WALKIN", **changes}


@pytest.mark.parametrize(
    "changes",
    [{}, {"hold": True}, {"arrived": True}, {"category": "PRIORITY_PAID", "join_waiting_list": False}],
)
def test_the_same_booking_has_the_same_answer(
    hospital: Hospital, settings: Any, taken: list[bool], changes: Body
) -> None:
    slot = hospital.slot(capacity=5)
    fast, ordinary = both(
        hospital, settings, taken, lambda: hospital.desk.post("tokens/", _booking(hospital, slot, **changes))
    )
    assert fast.status == ordinary.status == 201
    assert shape(fast.body) == shape(ordinary.body)
    same = ("category", "status", "slot", "slot_info")
    assert [fast.body[name] for name in same] == [ordinary.body[name] for name in same]
    assert (fast.body["token_number"], ordinary.body["token_number"]) == (1, 2)
    told = {"allow", "x-request-id", "content-length"}  # DRF tells what else is allowed; the rest is the same
    assert headers_of(fast, but=told) == headers_of(ordinary, but=told)


def test_the_same_refusals(hospital: Hospital, settings: Any, taken: list[bool]) -> None:
    slot = hospital.slot(capacity=1)
    first = _booking(hospital, slot)
    hospital.desk.post("tokens/", first).expect(201)
    cases = [
        (first, 409, "duplicate-booking"),
        (_booking(hospital, slot, join_waiting_list=False), 409, "slot-full"),
        ({**first, "slot_id": first["patient_id"]}, 404, "not-found"),
        ({**first, "patient_id": slot["id"]}, 404, "not-found"),
    ]
    for body, status, code in cases:
        taken.clear()
        fast, ordinary = both(hospital, settings, taken, lambda body=body: hospital.desk.post("tokens/", body))
        assert (fast.status, fast.body["code"]) == (status, code)
        assert fast.body == ordinary.body
        assert fast.headers["content-type"] == ordinary.headers["content-type"]


def test_a_full_slot_has_the_same_waiting_list(hospital: Hospital, settings: Any, taken: list[bool]) -> None:
    slot = hospital.slot(capacity=1)
    hospital.desk.post("tokens/", _booking(hospital, slot)).expect(201)
    taken.clear()
    fast, ordinary = both(hospital, settings, taken, lambda: hospital.desk.post("tokens/", _booking(hospital, slot)))
    assert fast.status == ordinary.status == 202
    assert shape(fast.body) == shape(ordinary.body)
    positions = [answer.body["waiting_list_entry"]["position"] for answer in (fast, ordinary)]
    assert positions == [1, 2]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"category": "EMERGENCY"}, 400),
        ({"category": ["WALKIN"]}, 400),
        ({"slot_id": 7}, 400),
        ({"hold": "yes"}, 400),
        ({"hold": True, "arrived": True}, 400),
        ({"priority": 1}, 400),
        ({"patient_id": None}, 400),
    ],
)
def test_what_is_not_well_formed_is_left_to_the_ordinary_lane(
    hospital: Hospital, taken: list[bool], changes: Body, status: int
) -> None:
    body = _booking(hospital, hospital.slot(), **changes)
    hospital.desk.post("tokens/", body).expect(status, "validation-error")
    assert taken == [False]


def test_who_is_not_the_desk_goes_the_ordinary_way(hospital: Hospital, taken: list[bool]) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    body = {"slot_id": slot["id"], "patient_id": patient["id"], "category": "ONLINE"}
    doctor = hospital.doctor_user(hospital.doctor())
    callers: list[tuple[Api, int]] = [
        (hospital.nobody, 401),
        (doctor, 403),
        (hospital.key("read"), 403),
        (hospital.patient_user(hospital.patient()), 404),
        (hospital.patient_user(patient), 201),
    ]
    for caller, status in callers:
        taken.clear()
        caller.post("tokens/", body).expect(status)
        assert taken == [False]


def test_whose_session_has_ended_books_in_no_lane(hospital: Hospital, taken: list[bool]) -> None:
    slot, leaver = hospital.slot(), hospital.user("FRONT_DESK")
    leaver.post("tokens/", _booking(hospital, slot)).expect(201)
    user = leaver.get("auth/me/").expect(200)
    hospital.admin.patch(f"users/{user['id']}/", {"is_active": False}).expect(200)
    leaver.renew = None
    leaver.post("tokens/", _booking(hospital, slot)).expect(401, "not-authenticated")
    assert taken == [True, False]
    assert hospital.desk.get(f"slots/{slot['id']}/").expect(200)["current_capacity"] == 1


def test_a_key_for_repetitions_goes_the_ordinary_way(hospital: Hospital, taken: list[bool]) -> None:
    body = _booking(hospital, hospital.slot())
    first = hospital.desk.post("tokens/", body, headers={"Idempotency-Key": "k1"})
    again = hospital.desk.post("tokens/", body, headers={"Idempotency-Key": "k1"})
    assert taken == [False, False]
    assert (first.status, again.status) == (201, 201)
    assert first.raw == again.raw


@pytest.mark.parametrize(("who", "status", "locks"), [("desk", 201, 1), ("patient", 201, 1), ("doctor", 403, 0)])
def test_a_booking_takes_the_slots_lock_once(hospital: Hospital, who: str, status: int, locks: int) -> None:
    slot, patient = hospital.slot(), hospital.patient()
    callers = {"desk": hospital.desk, "patient": hospital.patient_user(patient)}
    callers["doctor"] = hospital.doctor_user(hospital.doctor())
    body = {"slot_id": slot["id"], "patient_id": patient["id"], "category": "ONLINE"}
    with CaptureQueriesContext(connection) as queries:
        callers[who].post("tokens/", body).expect(status)
    assert sum(locking.ROW_LOCK in each["sql"] for each in queries.captured_queries) == locks


def test_a_patient_over_the_limit_takes_no_lock(hospital: Hospital, settings: Any) -> None:
    settings.OPD_THROTTLING = True
    patients = [hospital.patient() for _ in range(PatientBookingThrottle.limit + 1)]
    slot, caller = hospital.slot(capacity=20), hospital.patient_user(*patients)
    *first, last = (_booking(hospital, slot, category="ONLINE", patient_id=each["id"]) for each in patients)
    for body in first:
        caller.post("tokens/", body).expect(201)
    with CaptureQueriesContext(connection) as queries:
        caller.post("tokens/", last).expect(429, "throttled")
    assert not any(locking.ROW_LOCK in each["sql"] for each in queries.captured_queries)
