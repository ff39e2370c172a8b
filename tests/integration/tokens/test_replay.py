"""Replaying the event log reproduces every queue at any time."""

import io
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from clinics.models import Slot
from core import clock as core_clock
from core.clock import ManualClock
from tests.factories import ensure_facility, first_admin
from tests.model.day import MORNING, Day, new_reference
from tests.model.engine_adapter import Pair
from tests.races.builders import a_doctor, a_patient, a_slot, book, service
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital
from tokens.audit.as_of import slot_as_it_is, slot_as_of
from tokens.audit.replay import SlotThen, differences
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)


def pictures() -> dict[UUID, SlotThen]:
    return {slot.id: slot_as_it_is(slot=slot) for slot in Slot.objects.all()}


def compare(kept: dict[datetime, dict[UUID, SlotThen]]) -> list[str]:
    """Return the differences between the log replayed up to a time and the tables at that time."""
    found = []
    for moment, slots in kept.items():
        for slot_id, tables in slots.items():
            then = slot_as_of(slot_id=slot_id, moment=moment)
            found += [f"{moment}: {line}" for line in (differences(then, tables) if then else ["no such slot"])]
    return found


@pytest.mark.parametrize("seed", [3])
def test_a_whole_day_is_rebuilt_at_any_of_its_moments(seed: int) -> None:
    """Compare snapshots of every table, taken during a day of random operations, with the log replayed up to each."""
    manual = ManualClock(MORNING)
    kept: dict[datetime, dict[UUID, SlotThen]] = {}
    minutes = 0

    def take() -> list[str]:
        nonlocal minutes
        minutes += 1
        if minutes % 37 == 0:
            kept[manual.now()] = pictures()
        return []

    with core_clock.use(manual):
        pair = Pair(new_reference(), manual)
        day = Day(seed, pair.reference, pair.act, pair.at, patients=50, check=take).play()
        assert len(day.reference.tokens) > 25
        assert len(kept) > 15
        assert compare(kept) == []
        assert compare({manual.now(): pictures()}) == []


def test_rare_operations_are_in_the_log_too(clock: ManualClock) -> None:
    """A slot that moves to another doctor, a delay without effect, a hold, a buffer, a triage."""
    kept: dict[datetime, dict[UUID, SlotThen]] = {}

    def then(*actions: Any) -> None:
        for action in actions:
            action()
        kept[clock.now()] = pictures()
        clock.advance(seconds=30)

    def act(name: str, token: Token, **facts: Any) -> Any:
        return getattr(service, name)(token_id=token.id, actor="user:desk", **facts)

    doctor, other = a_doctor(), a_doctor()
    first = a_slot(doctor, capacity=3, start=clock.now() + timedelta(hours=1))
    second = a_slot(doctor, capacity=1, start=first.end_time)
    then(lambda: service.change_slot(slot_id=second.id, changes={"doctor_id": other.id}, actor="user:desk"))
    then(lambda: service.change_slot(slot_id=second.id, changes={"doctor_id": doctor.id}, actor="user:desk"))
    then(lambda: service.delay_slot(slot_id=first.id, delay_minutes=30, actor="user:desk"))
    then(lambda: service.delay_slot(slot_id=second.id, delay_minutes=10, actor="user:desk"))
    hold, kept_seat, walk_in = book(first, hold=True), book(first), book(first, arrived=True)
    waits = book(first, join_waiting_list=True)
    then()
    then(lambda: act("confirm", hold))
    then(lambda: act("cancel", kept_seat))
    then(lambda: act("cancel", walk_in, keep_seat=True))
    er = service.admit_emergency(slot_id=first.id, patient_id=a_patient().id, acuity=4, actor="user:er")
    then(lambda: act("triage", er.admission.token, acuity=2))
    then(lambda: service.admit_emergency(slot_id=first.id, patient_id=hold.patient_id, actor="user:er"))
    then(lambda: service.call_next(slot_id=first.id, actor="user:desk"))
    then(lambda: act("requeue", hold), lambda: act("no_show", hold))
    then(lambda: act("reinstate", hold), lambda: act("call", hold), lambda: act("start", hold))
    then(lambda: service.close_slot(slot_id=first.id, actor="user:desk"))
    then(lambda: act("complete", hold), lambda: service.cancel_slot(slot_id=first.id, actor="user:desk"))
    assert waits.status == "WAITING"
    assert compare(kept) == []


def test_a_deleted_slot_is_in_the_log(clock: ManualClock) -> None:
    slot = a_slot()
    service.delete_slot(slot_id=slot.id, actor="user:desk")
    clock.advance(seconds=1)
    then = slot_as_of(slot_id=slot.id)
    assert then
    assert then.deleted
    assert "deleted" in rebuilt(slot.id)


def rebuilt(slot_id: UUID, *options: str) -> str:
    out = io.StringIO()
    call_command("rebuild_slot", str(slot_id), *options, stdout=out)
    return out.getvalue()


def test_the_command_shows_yesterdays_queue(clock: ManualClock) -> None:
    slot = a_slot(capacity=3)
    one, two = book(slot), book(slot)
    before = clock.now()
    clock.advance(minutes=10)
    service.cancel(token_id=one.id, actor="user:desk")
    assert [line.split()[1] for line in rebuilt(slot.id).splitlines()[1:]] == [two.ticket, one.ticket]
    page = rebuilt(slot.id, "--as-of", before.isoformat()).splitlines()
    assert [line.split()[:2] for line in page[1:]] == [["1", one.ticket], ["2", two.ticket]]
    with pytest.raises(CommandError, match="no such slot"):
        rebuilt(slot.id, "--as-of", "2020-01-01T00:00")
    with pytest.raises(CommandError, match="--as-of"):
        rebuilt(slot.id, "--as-of", "yesterday")


def test_the_command_finds_tables_that_the_log_denies(clock: ManualClock) -> None:
    slot = a_slot(capacity=3)
    token = book(slot)
    Token.objects.filter(id=token.id).update(priority="2.50")
    with pytest.raises(CommandError, match="not what the log tells"):
        rebuilt(slot.id)


def test_yesterdays_quarrel_at_the_counter_over_http(clock: ManualClock) -> None:
    ensure_facility()
    hospital = Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)
    slot = hospital.slot(capacity=3)
    first, second = hospital.token(slot), hospital.token(slot, arrived=True)
    then = hospital.tokens_of(slot)
    moment = clock.now()
    clock.advance(minutes=5)
    hospital.emergency(slot)
    hospital.done(second, "call", "start", "complete")
    hospital.do(first, "cancel").expect(200)

    def as_of(moment: str, **query: str) -> list[dict[str, Any]]:
        return hospital.desk.get(f"slots/{slot['id']}/tokens/", as_of=moment, **query).expect(200)

    assert as_of(moment.isoformat()) == then
    assert as_of(clock.now().isoformat()) == hospital.tokens_of(slot)
    assert as_of(clock.now().isoformat(), in_queue="true") == hospital.queue(slot)
    assert as_of("2020-01-01T00:00") == []
    hospital.desk.get(f"slots/{slot['id']}/tokens/", as_of="tomorrow").expect(400, "validation-error")
    patient = hospital.patient_user(hospital.desk.get(f"patients/{first['patient']}/").expect(200))
    mine = patient.get(f"slots/{slot['id']}/tokens/", as_of=moment.isoformat()).expect(200)
    assert [token["id"] for token in mine] == [first["id"]]
