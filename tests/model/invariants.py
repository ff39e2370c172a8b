"""The contract's invariants, checked on the reference engine."""

from itertools import pairwise

from tests.model.objects import IN_QUEUE, Slot, Token
from tests.model.reference import Reference

MOVES = {
    "": {"CONFIRMED", "CHECKED_IN", "PENDING"},
    "PENDING": {"CONFIRMED", "EXPIRED", "CANCELLED", "CHECKED_IN"},
    "CONFIRMED": {"CHECKED_IN", "CALLED", "NO_SHOW", "CANCELLED", "BUFFER"},
    "CHECKED_IN": {"CALLED", "STEPPED_OUT", "NO_SHOW", "NOT_SEEN", "CANCELLED", "BUFFER"},
    "CALLED": {"IN_CONSULTATION", "CHECKED_IN", "STEPPED_OUT", "NO_SHOW", "CANCELLED"},
    "IN_CONSULTATION": {"COMPLETED", "STEPPED_OUT"},
    "STEPPED_OUT": {"CHECKED_IN", "NOT_SEEN", "CANCELLED"},
    "NO_SHOW": {"CHECKED_IN", "CANCELLED"},
    "BUFFER": {"CANCELLED"},
}


def invariant_violations(reference: Reference) -> list[str]:
    """Return one line per violated invariant; slots without live tokens and waiting entries are skipped."""
    awake = [s for s in reference.slots if any(t.live for t in s.tokens) or reference.waiting(s)]
    return [line for slot in awake for line in _of_slot(reference, slot)]


def illegal_histories(reference: Reference) -> list[str]:
    """Return one line per token whose history is not a path of contract section 4."""
    return [
        f"patient {token.patient.number}: {token.path} is no life of a token"
        for token in reference.tokens
        if any(old != new and new not in MOVES.get(old, set()) for old, new in pairwise(["", *token.path]))
    ]


def _of_slot(reference: Reference, slot: Slot) -> list[str]:
    broken = []
    seats = reference.seats(slot)
    ordinary = sum(t.seated for t in slot.tokens if t.category != "EMERGENCY")
    if ordinary > slot.capacity:
        broken.append(f"slot {slot.number}: {ordinary} ordinary seats of {slot.capacity}")
    if reference.bookable(slot) and seats < slot.capacity and reference.waiting(slot):
        broken.append(f"slot {slot.number}: somebody waits while a seat is free")
    if slot.state == "CANCELLED" and any(t.live and t.status != "IN_CONSULTATION" for t in slot.tokens):
        broken.append(f"slot {slot.number}: cancelled, but somebody is still live")
    queue = reference.queue(slot)
    urgent = [token.category == "EMERGENCY" for token in queue]
    if urgent != sorted(urgent, reverse=True):
        broken.append(f"slot {slot.number}: an emergency is behind others")
    for earlier, later in pairwise(token for token in queue if token.place is None):
        if _goes_before(later, earlier):
            broken.append(f"slot {slot.number}: {later.patient.number} should be before {earlier.patient.number}")
    estimates = reference.estimates(slot)
    if estimates != sorted(estimates):
        broken.append(f"slot {slot.number}: an estimate decreases along the queue")
    inside = [t.room for t in slot.tokens if t.status == "IN_CONSULTATION"]
    if len(inside) > len(set(inside)):
        broken.append(f"slot {slot.number}: two in a room")
    for token in slot.tokens:
        if token.live and reference.live_token(token.patient, slot) is not token:
            broken.append(f"patient {token.patient.number}: two live tokens with one doctor")
    return broken


def _goes_before(a: Token, b: Token) -> bool:
    """The order of contract section 2, written independently of the engine's sort key."""
    assert a.status in IN_QUEUE
    assert b.status in IN_QUEUE
    if a.category == b.category == "EMERGENCY":
        if a.acuity is None or b.acuity is None:
            return a.acuity is None and (b.acuity is not None or a.asked > b.asked)
        return (a.acuity, a.asked) < (b.acuity, b.asked)
    return (a.priority, a.asked) < (b.priority, b.asked)
