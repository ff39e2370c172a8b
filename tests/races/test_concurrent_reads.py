"""Reads concurrent with writes: a list includes every change acknowledged before the read, and is consistent."""

import random
import threading
from typing import Any

import pytest
from django.test import Client

from core.db import shared_reads
from core.db.sql import ask
from tests.factories import first_admin
from tests.races.builders import a_patient, a_slot, book, fresh, service
from tests.races.interleaving import Refusal, together
from tests.support.api import Api, in_process
from tests.support.eventually import eventually
from tests.support.hospital import PASSWORD, Hospital
from tokens.api import slot_tokens

pytestmark = pytest.mark.django_db(transaction=True)

READS, WRITES = 60, 40


@pytest.mark.parametrize("combine", [True, False])
def test_a_list_is_never_older_than_what_was_acknowledged(settings: Any, combine: bool) -> None:
    """Two threads write and six read; each list includes every change acknowledged before it was requested."""
    settings.OPD_COMBINE = combine
    hospital = Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)
    slot = a_slot(capacity=500)
    patients = [[a_patient() for _ in range(WRITES)] for _ in range(2)]
    booked: set[str] = set()
    cancelled: set[str] = set()
    done = threading.Event()

    def write(people: list[Any]) -> None:
        for number, patient in enumerate(people):
            token = book(slot, patient)
            booked.add(str(token.id))
            if number % 3 == 2:
                service.cancel(token_id=token.id, keep_seat=False, actor="user:desk")
                cancelled.add(str(token.id))

    def write_all() -> None:
        try:
            for outcome in together([lambda people=people: write(people) for people in patients]):
                assert not isinstance(outcome, Refusal), outcome
        finally:
            done.set()

    def read(number: int) -> int:
        client, chance, known, body, reads = Client(), random.Random(number), "", [], 0
        seen: set[str] = set()
        while reads < READS or not done.is_set():
            heard_booked, heard_cancelled = set(booked), set(cancelled)
            query = chance.choice(["", "?in_queue=false"])
            headers = {"Authorization": hospital.desk.authorization}
            if known and chance.random() < 0.7:
                headers["If-None-Match"] = known
            answer = client.get(f"/api/v1/slots/{slot.id}/tokens/{query}", headers=headers)
            if answer.status_code != 304:
                assert answer.status_code == 200, answer.content
                known, body = answer["ETag"], answer.json()
            listed = {each["id"]: each for each in body}
            assert heard_booked <= listed.keys(), "a booking that was acknowledged is not listed"
            assert {listed[each]["status"] for each in heard_cancelled} <= {"CANCELLED"}
            assert seen <= listed.keys(), "a list goes back in time"
            positions = [each["token_number"] for each in body if each["token_number"] is not None]
            assert positions == list(range(1, len(positions) + 1)), "a torn list"
            seen, reads = set(listed), reads + 1
        return reads

    outcomes = together([write_all, *[lambda number=number: read(number) for number in range(6)]])
    assert [each for each in outcomes if isinstance(each, Refusal)] == []
    assert min(outcomes[1:]) >= READS


def test_a_change_between_slot_and_tokens_has_its_own_etag(monkeypatch: pytest.MonkeyPatch) -> None:
    """A booking between reading the slot and reading its tokens: the response has the booking and the matching ETag."""
    hospital = Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)
    slot = a_slot(capacity=10)
    listed, late = slot_tokens.listed, []

    def slow(**asked: Any) -> Any:
        if not late:
            late.append(None)
            late[0] = together([lambda: book(slot)])[0]
        return listed(**asked)

    monkeypatch.setattr(slot_tokens, "listed", slow)
    path = f"slots/{slot.id}/tokens/"
    answer = hospital.desk.get(path)
    assert [each["id"] for each in answer.expect(200)] == [str(fresh(late[0]).id)]
    again = hospital.desk.call("GET", path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status == 304


def test_a_list_that_never_matches_its_slot_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bookings before and after each reading of the tokens: the next request still lists all of them."""
    hospital = Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)
    slot, booked = a_slot(capacity=100), []
    listed = slot_tokens.listed

    def busy(**asked: Any) -> Any:
        booked.append(together([lambda: book(slot)])[0])
        found = listed(**asked)
        booked.append(together([lambda: book(slot)])[0])
        return found

    path = f"slots/{slot.id}/tokens/"
    with monkeypatch.context() as patched:
        patched.setattr(slot_tokens, "listed", busy)
        first = hospital.desk.get(path)
    assert len(booked) == 2 * slot_tokens.MAX_READS
    for headers in ({}, {"If-None-Match": first.headers["etag"]}):
        answer = hospital.desk.call("GET", path, headers=headers)
        assert {each["id"] for each in answer.expect(200)} == {str(token.id) for token in booked}


@pytest.fixture
def readers(settings: Any) -> tuple[Hospital, Any, list[str], list[Api]]:
    """A slot with two tokens, and four readers: two desks, a patient, and a desk whose account is closed."""
    settings.OPD_COMBINE = True
    hospital = Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)
    slot, patient = a_slot(capacity=10), a_patient()
    tokens = [str(book(slot, each).id) for each in (patient, a_patient())]
    leaver, owner = hospital.user("FRONT_DESK"), hospital.patient_user({"id": str(patient.id)})
    hospital.admin.patch(f"users/{leaver.get('auth/me/').expect(200)['id']}/", {"is_active": False}).expect(200)
    return hospital, slot, tokens, [hospital.desk, hospital.user("FRONT_DESK"), owner, leaver]


def read(slot: Any, by: Api) -> Any:
    answer = Client().get(f"/api/v1/slots/{slot.id}/tokens/", headers={"Authorization": by.authorization})
    return [each["id"] for each in answer.json()] if answer.status_code == 200 else answer.status_code


def test_callers_and_slots_are_read_in_one_round_trip_and_not_mixed_up(
    readers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one request reads, four wait; one round trip then reads their sessions and the slot they all ask for."""
    hospital, slot, tokens, others = readers
    sent: list[list[int]] = []

    def late(*statements: Any) -> Any:
        if not sent:
            eventually(lambda: shared_reads.reads.waiting(None) == len(others))
        sent.append(sorted(len(each.values[-1]) for each in statements))
        return ask(*statements)

    monkeypatch.setattr(shared_reads, "ask", late)
    monkeypatch.setattr(shared_reads, "QUEUE_SECONDS", 20)  # on a busy machine the last one is late too
    outcomes = together([lambda by=by: read(slot, by) for by in [hospital.admin, *others]])
    assert outcomes == [tokens, tokens, tokens, tokens[:1], 401]
    assert sent == [[1, 1], [1, len(others)]]
