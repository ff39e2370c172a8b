"""Fifty concurrent HTTP requests with one Idempotency-Key."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from clinics.models import Slot
from core.api import idempotency
from patients.models import Patient
from tests.factories import ensure_facility, first_admin
from tests.races.builders import a_patient, a_slot, book, inconsistencies_of
from tests.races.interleaving import together
from tests.support.api import Answer, Api, in_process
from tests.support.hospital import PASSWORD
from tests.support.invariants import assert_invariants_hold
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)


def signed_in() -> str:
    ensure_facility()
    body = {"username": first_admin(PASSWORD).username, "password": PASSWORD}
    return f"Bearer {Api(in_process()).post('auth/token/', body).expect(200)['access']}"


def ask(authorization: str, slot: Slot, patient: Patient, key: str) -> Answer:
    body = {"slot_id": str(slot.id), "patient_id": str(patient.id), "category": "WALKIN"}
    return Api(in_process(), authorization).post("tokens/", body, headers={"Idempotency-Key": key})


def fifty(slot: Slot, patient: Patient) -> tuple[list[Answer], str]:
    authorization = signed_in()
    answers: list[Any] = together([partial(ask, authorization, slot, patient, "one-key")] * 50)
    assert all(isinstance(answer, Answer) for answer in answers), [a for a in answers if not isinstance(a, Answer)][:1]
    return answers, authorization


def test_fifty_requests_with_one_key_make_one_token() -> None:
    slot, patient = a_slot(capacity=50), a_patient()
    answers, authorization = fifty(slot, patient)
    made = [answer for answer in answers if answer.status == 201]
    rest = {answer.body["code"] for answer in answers if answer.status != 201}
    assert len({answer.raw for answer in made}) == 1
    assert rest <= {"idempotency-in-progress"}
    assert sum("idempotency-replayed" not in answer.headers for answer in made) == 1
    assert Token.objects.filter(patient=patient).count() == 1
    again = ask(authorization, slot, patient, "one-key")
    assert (again.status, again.raw) == (201, made[0].raw)
    assert again.headers["idempotency-replayed"] == "true"
    assert inconsistencies_of(slot) == []
    assert_invariants_hold()


def call_next(authorization: str, slot: Slot, key: str) -> Answer:
    return Api(in_process(), authorization).post(f"slots/{slot.id}/call_next/", {}, headers={"Idempotency-Key": key})


def waiting_room() -> Slot:
    slot = a_slot(capacity=20)
    for _ in range(20):
        book(slot, arrived=True)
    return slot


def test_twenty_requests_with_one_key_call_one_patient() -> None:
    slot, authorization = waiting_room(), signed_in()
    answers: list[Any] = together([partial(call_next, authorization, slot, "one-key")] * 20)
    assert {answer.status for answer in answers} <= {200, 409}
    assert len({answer.raw for answer in answers if answer.status == 200}) == 1
    assert Token.objects.filter(slot=slot, status="CALLED").count() == 1


def test_canary_without_the_key_each_request_calls_another(monkeypatch: pytest.MonkeyPatch) -> None:
    slot, authorization = waiting_room(), signed_in()
    monkeypatch.setattr(idempotency, "key_of", lambda request: None)
    answers: list[Any] = together([partial(call_next, authorization, slot, "one-key")] * 20)
    assert Counter(answer.status for answer in answers) == {200: 20}
    assert Token.objects.filter(slot=slot, status="CALLED").count() == 20


def test_canary_without_the_stored_answer_each_request_calls_another(monkeypatch: pytest.MonkeyPatch) -> None:
    slot, authorization = waiting_room(), signed_in()
    monkeypatch.setattr(idempotency, "store", lambda answers: None)
    answers: list[Any] = together([partial(call_next, authorization, slot, "one-key")] * 20)
    assert Counter(answer.status for answer in answers) == {200: 20}
    assert Token.objects.filter(slot=slot, status="CALLED").count() == 20
