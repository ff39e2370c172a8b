"""The end of holds, graces and buffers whose time is over, and of the waiting list of a slot that is over.

A Celery task applies them, and so does every operation on the slot before its own change, so that no seat stays
blocked while the workers are down.
"""

from django.db.models import Min

from tokens.engine.ledger import Ledger
from tokens.models import Token
from tokens.operations.promoting import promote
from tokens.policy.lifecycle import Action, Status
from waitlist.models import EntryStatus
from waitlist.order import waiting_in

SWEEPER = "system:sweep"
"""The actor of these events, whichever request applies them."""
ENDING = {
    Status.PENDING: Action.EXPIRE,
    Status.NO_SHOW: Action.END_GRACE,
    Status.BUFFER: Action.RELEASE_BUFFER,
}


def settle(ledger: Ledger) -> None:
    """End everything that is due in the slot and promote waiting patients into the freed seats.

    Run before every operation on the slot. The actor of the events is SWEEPER. A second run changes nothing.
    """
    with ledger.acting_as(SWEEPER):
        _end_what_is_due(ledger)
        expire_waiting_if_over(ledger)
        promote(ledger)
        ledger.write()  # the operation must read the rows as they are now


def _end_what_is_due(ledger: Ledger) -> None:
    slot, now = ledger.slot, ledger.now
    if slot.next_due_at is not None and slot.next_due_at <= now:
        timed = Token.objects.filter(facility_id=slot.facility_id, slot_id=slot.id, due_at__isnull=False)
        for token in timed.filter(due_at__lte=now).order_by("due_at", "id"):
            ledger.move(token, ENDING[Status(token.status)], due_at=None)
        ledger.write()
        ledger.change_slot(next_due_at=timed.aggregate(earliest=Min("due_at"))["earliest"])


def expire_waiting_if_over(ledger: Ledger) -> None:
    """End the waiting list of the slot if the slot is over."""
    if ledger.slot.waiting_count and ledger.now >= ledger.slot.delayed_end:
        expire_waiting(ledger)


def expire_waiting(ledger: Ledger) -> int:
    """End the waiting list of the slot; return the number of entries that were waiting."""
    return ledger.settle_entries(waiting_in(slot=ledger.slot), to=EntryStatus.EXPIRED)
