"""`verify_log` detects direct changes of the event log and names the first changed row."""

import io
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.audit.read_trail import seal_reads
from accounts.models import ReadTrail
from clinics.models import Slot
from core import clock
from core.ids import new_id
from events.models import Event
from tests.races.builders import a_slot, book, service

pytestmark = pytest.mark.django_db(transaction=True)


def verify(*slots: Slot) -> str:
    """Return the command's error message, or an empty string."""
    out = io.StringIO()
    try:
        call_command("verify_log", *(f"--slot={slot.id}" for slot in slots), stdout=out)
    except CommandError:
        return out.getvalue()
    assert "Every event" in out.getvalue()
    return ""


def tamper(statement: str, *values: object) -> None:
    """Change the event log directly, with its append-only trigger disabled."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_event DISABLE TRIGGER event_append_only")
        try:
            cursor.execute(statement, values)
        finally:
            cursor.execute("ALTER TABLE events_event ENABLE TRIGGER event_append_only")


@pytest.fixture
def slot() -> Slot:
    """A slot with five events, next to another slot."""
    a_slot()
    made = a_slot(capacity=5)
    for _ in range(4):
        book(made)
    return made


def event(slot: Slot, number: int) -> Event:
    return Event.objects.get(slot_id=slot.id, number=number)


def test_an_honest_log_is_whole(slot: Slot) -> None:
    assert verify() == ""
    assert verify(slot) == ""


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'user:somebody-else'",
        "at = at + interval '1 minute'",
        "type = 'token.cancelled'",
        "data = jsonb_set(data, '{priority}', '\"1.50\"')",
        "token_id = slot_id",
        "hash = decode(repeat('00', 32), 'hex')",
        "id = gen_random_uuid()",
    ],
)
def test_an_altered_row_is_named(slot: Slot, change: str) -> None:
    altered = event(slot, 3)
    tamper(f"UPDATE events_event SET {change} WHERE seq = %s", altered.seq)
    altered = Event.objects.get(seq=altered.seq)
    assert verify() == f"slot {slot.id}: event {altered.id} (number 3) was altered, or the event before it was\n"


def test_a_removed_row_is_noticed(slot: Slot) -> None:
    tamper("DELETE FROM events_event WHERE id = %s", event(slot, 3).id)
    assert "(number 3) was removed" in verify()


def test_a_row_removed_at_the_end_is_noticed(slot: Slot) -> None:
    tamper("DELETE FROM events_event WHERE id = %s", event(slot, 5).id)
    assert "(number 5) was removed" in verify()


def test_a_gap_closed_by_counting_anew_is_noticed(slot: Slot) -> None:
    tamper("DELETE FROM events_event WHERE id = %s", event(slot, 3).id)
    for number in (4, 5):
        tamper("UPDATE events_event SET number = number - 1 WHERE id = %s", event(slot, number).id)
    assert "(number 3) was altered" in verify()


def test_two_rows_that_changed_places_are_noticed(slot: Slot) -> None:
    first, second = event(slot, 3), event(slot, 4)
    tamper("UPDATE events_event SET number = 99 WHERE id = %s", first.id)
    tamper("UPDATE events_event SET number = 3 WHERE id = %s", second.id)
    tamper("UPDATE events_event SET number = 4 WHERE id = %s", first.id)
    assert f"event {second.id} (number 3)" in verify()


def test_rows_that_changed_places_in_the_whole_log_are_noticed(slot: Slot) -> None:
    first, second = event(slot, 3), event(slot, 4)
    tamper("UPDATE events_event SET seq = -1 WHERE id = %s", first.id)
    tamper("UPDATE events_event SET seq = %s WHERE id = %s", first.seq, second.id)
    tamper("UPDATE events_event SET seq = %s WHERE id = %s", second.seq, first.id)
    assert "was reordered" in verify()


def test_a_row_that_was_slipped_in_is_noticed(slot: Slot) -> None:
    forged = event(slot, 5)
    Event.objects.create(
        **{
            name: getattr(forged, name)
            for name in ("facility_id", "slot_id", "token_id", "type", "at", "actor", "data", "hash")
        },
        number=6,
        seq=0,
    )
    assert "(number 6) was altered" in verify()


def test_a_recomputed_chain_is_detected(slot: Slot) -> None:
    """A recomputed chain is detected, because the slot stores the digest of the last event."""
    from events.log import seal

    head = bytes(event(slot, 4).hash)
    forged = event(slot, 5)
    forged.actor = "user:somebody-else"
    tamper(
        "UPDATE events_event SET actor = %s, hash = %s WHERE id = %s",
        forged.actor,
        seal(previous=head, event=forged),
        forged.id,
    )
    assert "(number 5) is not the last event of the slot's row" in verify()


def remove_with_its_log(slot: Slot) -> None:
    tamper("DELETE FROM events_event WHERE slot_id = %s AND number > 1", slot.id)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tokens_token WHERE slot_id = %s", [slot.id])
        cursor.execute("DELETE FROM clinics_slot WHERE id = %s", [slot.id])


def delete_in_good_order(slot: Slot) -> None:
    for token in slot.tokens.all():
        service.cancel(token_id=token.id, actor="user:desk")
    empty = a_slot()
    service.delete_slot(slot_id=empty.id, actor="user:desk")


@pytest.mark.parametrize(("action", "noticed"), [(remove_with_its_log, True), (delete_in_good_order, False)])
def test_a_slot_that_is_gone_has_to_be_deleted_in_the_log(
    slot: Slot, action: Callable[[Slot], None], noticed: bool
) -> None:
    action(slot)
    assert ("the log does not record the slot's deletion" in verify()) is noticed


def test_only_the_slots_asked_for(slot: Slot) -> None:
    other = a_slot()
    tamper("UPDATE events_event SET actor = 'x' WHERE slot_id = %s", other.id)
    assert verify(slot) == ""
    assert str(other.id) in verify(slot, other)


def test_the_read_trail_is_checked_too(slot: Slot) -> None:
    for _ in range(3):
        ReadTrail.objects.create(
            actor="user:desk", patient_ids=[new_id()], what="patients.read", request_id="r", at=clock.now()
        )
    assert seal_reads() == 3
    assert verify() == ""
    altered = ReadTrail.objects.order_by("id")[1]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_readtrail DISABLE TRIGGER USER")
        cursor.execute("UPDATE accounts_readtrail SET actor = 'user:nobody' WHERE id = %s", [altered.id])
        cursor.execute("ALTER TABLE accounts_readtrail ENABLE TRIGGER USER")
    told = verify()
    assert told.count(f"read trail: row {altered.id} was altered") == 1, "a broken trail is named once"
    assert verify(slot) == ""
