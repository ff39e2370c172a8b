"""Promotion from the waiting list, in the transaction that freed the seat."""

from tokens.engine.ledger import Ledger
from tokens.models import Token
from tokens.policy.lifecycle import Action
from tokens.policy.priority import BASE, Category, Priority
from tokens.queries.locked import live_tokens
from waitlist.models import EntryStatus, WaitlistEntry
from waitlist.order import next_in_line


def promote(ledger: Ledger) -> list[Token]:
    """Give the free seats of a bookable slot to its best entries, until the slot is full or the list is empty.

    Withdraw an entry whose patient now holds a live token with that doctor on that day, and take the next one.
    """
    slot = ledger.slot
    promoted: list[Token] = []
    while slot.waiting_count > 0 and ledger.has_free_seat and slot.is_bookable(now=ledger.now):
        ledger.write()
        best = next_in_line(slot=slot, seats=slot.available_capacity)
        if not best:
            break
        held = live_tokens(slot=slot, patient_ids=[entry.patient_id for entry in best])
        placed = {token.patient_id for token in held}
        ledger.settle_entries((entry for entry in best if entry.patient_id in placed), to=EntryStatus.WITHDRAWN)
        for entry in best:
            if entry.patient_id not in placed:
                promoted.append(_seat(ledger, entry))
    return promoted


def _seat(ledger: Ledger, entry: WaitlistEntry) -> Token:
    category = Category(entry.category)
    token = ledger.issue(
        action=Action.PROMOTE,
        patient=entry.patient,
        category=category,
        priority=Priority(BASE[category], entry.time_bonus, entry.care_bonus),
        arrival=entry.arrival,
    )
    ledger.settle_entries([entry], to=EntryStatus.PROMOTED, token_id=token.id)
    ledger.promoted.add(entry.patient_id)
    return token
