"""Giving a place back."""

from tokens import rules
from tokens.errors import InvalidTransition
from tokens.ledger import Ledger
from tokens.models import Token
from tokens.policy.lifecycle import Action, allows
from waitlist.models import EntryStatus, WaitlistEntry


def cancel(ledger: Ledger, *, token: Token, keep_seat: bool) -> None:
    """Cancel a token; its seat is freed.

    With `keep_seat` (the desk's) and while nobody waits, the seat is kept for the desk for OPD_BUFFER_MINUTES instead.
    """
    if keep_seat and not ledger.slot.waiting_count and allows(action=Action.BUFFER, status=token.status):
        ledger.move(token, Action.BUFFER, due_at=ledger.now + rules.current().buffer)
    else:
        ledger.move(token, Action.CANCEL, due_at=None)


def withdraw(ledger: Ledger, *, entry: WaitlistEntry) -> None:
    """Take an entry off the waiting list; InvalidTransition if it no longer waits."""
    if entry.status != EntryStatus.WAITING:
        raise InvalidTransition(status=entry.status, action="withdraw")
    ledger.settle_entries([entry], to=EntryStatus.WITHDRAWN)
