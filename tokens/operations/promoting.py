"""A freed seat goes to the waiting list, in the transaction that freed it."""

from tokens.ledger import Ledger
from tokens.models import IS_LIVE, Token
from tokens.policy.lifecycle import Action
from tokens.policy.priority import BASE, Category, Priority
from waitlist.models import EntryStatus, WaitlistEntry
from waitlist.order import next_in_line


def promote(ledger: Ledger) -> list[Token]:
    """Give free seats to the best entries until the slot is full or nobody waits, while it is bookable.

    An entry whose patient meanwhile holds a live token with that doctor on that day is withdrawn and the next one is
    taken.
    """
    slot = ledger.slot
    promoted: list[Token] = []
    while slot.waiting_count > 0 and ledger.has_free_seat and slot.is_bookable(now=ledger.now):
        ledger.write()
        best = next_in_line(slot_id=slot.id, seats=slot.available_capacity)
        if not best:
            break
        placed = _patients_with_a_place(ledger, best)
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


def _patients_with_a_place(ledger: Ledger, entries: list[WaitlistEntry]) -> set[object]:
    slot = ledger.slot
    return set(
        Token.objects.filter(
            IS_LIVE,
            facility_id=slot.facility_id,
            doctor_id=slot.doctor_id,
            local_date=slot.local_date,
            patient_id__in=[entry.patient_id for entry in entries],
        ).values_list("patient_id", flat=True)
    )
