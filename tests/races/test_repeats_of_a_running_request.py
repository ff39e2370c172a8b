"""A repeat that looked for the stored answer just before it was stored gets that answer, not a refusal."""

import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from core.api import idempotency
from core.db.transactions import atomic
from tests.factories import first_admin
from tests.races.interleaving import TIMEOUT_SECONDS, Runner
from tests.support.api import Answer, in_process
from tests.support.hospital import PASSWORD, Hospital, phone, unique

pytestmark = pytest.mark.django_db(transaction=True)

Request = tuple[str, str, Any]
_numbers = itertools.count()


@pytest.fixture
def hospital() -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


def check_in(hospital: Hospital) -> Request:
    return "POST", f"tokens/{hospital.token(hospital.slot())['id']}/check_in/", {}


def call(hospital: Hospital) -> Request:
    return "POST", f"tokens/{hospital.token(hospital.slot(), arrived=True)['id']}/call/", {}


def call_next(hospital: Hospital) -> Request:
    slot = hospital.slot()
    hospital.token(slot, arrived=True)
    return "POST", f"slots/{slot['id']}/call_next/", {}


def book(hospital: Hospital) -> Request:
    body = {"slot_id": hospital.slot(capacity=1)["id"], "patient_id": hospital.patient()["id"], "category": "WALKIN"}
    return "POST", "tokens/", body


def cancel(hospital: Hospital) -> Request:
    return "DELETE", f"tokens/{hospital.token(hospital.slot())['id']}/", None


def admit_emergency(hospital: Hospital) -> Request:
    body = {"slot_id": hospital.slot()["id"], "patient_id": hospital.patient()["id"]}
    return "POST", "tokens/emergency/", body


def withdraw(hospital: Hospital) -> Request:
    slot = hospital.slot(capacity=1)
    hospital.token(slot)
    return "DELETE", f"waiting-list/{hospital.entry(slot)['id']}/", None


def create_slot(hospital: Hospital) -> Request:
    start = hospital.at()
    times = {"start_time": start.isoformat(), "end_time": (start + timedelta(hours=1)).isoformat()}
    return "POST", "slots/", {"doctor": hospital.doctor()["id"], "max_capacity": 3, **times}


def cancel_slot(hospital: Hospital) -> Request:
    return "POST", f"slots/{hospital.slot()['id']}/cancel/", {"reason": "ill"}


def delete_slot(hospital: Hospital) -> Request:
    return "DELETE", f"slots/{hospital.slot()['id']}/", None


def register_patient(hospital: Hospital) -> Request:
    return "POST", "patients/", {"name": unique("Asha"), "phone": phone()}


def remove_patient(hospital: Hospital) -> Request:
    return "DELETE", f"patients/{hospital.patient()['id']}/", None


def send(hospital: Hospital, request: Request, key: str | None) -> Answer:
    method, path, body = request
    return hospital.desk.call(method, path, body, headers={"Idempotency-Key": key} if key else {})


@pytest.mark.parametrize(
    "prepare",
    [
        check_in,
        call,
        call_next,
        book,
        cancel,
        admit_emergency,
        withdraw,
        create_slot,
        cancel_slot,
        delete_slot,
        register_patient,
        remove_patient,
    ],
)
def test_the_repeat_gets_the_first_answer(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Hospital], Request]
) -> None:
    request, key = prepare(hospital), f"repeat-{next(_numbers)}"
    first = send(hospital, request, key)
    assert first.status < 300
    find, looked = idempotency.find, []

    def find_too_early_once(wanted: Any) -> Any:
        looked.append(wanted)
        return None if len(looked) == 1 else find(wanted)

    if prepare not in (book, cancel):  # a batch looks for the answer under the lock of the slot
        monkeypatch.setattr(idempotency, "find", find_too_early_once)
    second = send(hospital, request, key)
    assert (second.status, second.body) == (first.status, first.body)
    assert second.headers["idempotency-replayed"] == "true"


def test_a_repeat_needs_no_lock_of_the_slot(hospital: Hospital, settings: Any) -> None:
    settings.OPD_LOCK_WAIT_SECONDS = 0.3
    request = book(hospital)
    first = send(hospital, request, "answered")
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM clinics_slot WHERE id = %s FOR UPDATE", [request[2]["slot_id"]])
            held.set()
            go.wait(TIMEOUT_SECONDS)

    holder = Runner(hold)
    holder.start()
    try:
        assert held.wait(TIMEOUT_SECONDS)
        again = send(hospital, request, "answered")
    finally:
        go.set()
        holder.finish()
    assert (again.status, again.raw) == (201, first.raw)


def test_a_repeat_of_an_answered_booking_is_not_limited(hospital: Hospital, settings: Any) -> None:
    settings.OPD_THROTTLING = True
    patient = hospital.patient()
    person = hospital.patient_user(patient)
    bodies = [
        {"slot_id": hospital.slot(hospital.doctor())["id"], "patient_id": patient["id"], "category": "ONLINE"}
        for _ in range(10)
    ]

    def ask(body: Any, key: str) -> Answer:
        return person.post("tokens/", body, headers={"Idempotency-Key": key})

    for number, body in enumerate(bodies):
        ask(body, f"limit-{number}").expect(201)
    assert ask(bodies[9], "limit-9").headers["idempotency-replayed"] == "true"
    other = {**bodies[9], "slot_id": hospital.slot()["id"]}
    ask(other, "limit-new").expect(429, "throttled")
