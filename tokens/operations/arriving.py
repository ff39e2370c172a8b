"""Confirmation of a hold, check-in, and reinstatement after a no-show."""

from tokens.engine.ledger import Ledger
from tokens.errors import GraceExpired, HoldExpired
from tokens.models import Token
from tokens.policy.lifecycle import Action, Status


def confirm(ledger: Ledger, *, token: Token) -> None:
    """Turn a hold into a booking; raise HoldExpired if the hold has expired."""
    if token.status == Status.EXPIRED:
        raise HoldExpired
    ledger.move(token, Action.CONFIRM, expires_at=None, due_at=None)


def check_in(ledger: Ledger, *, token: Token) -> None:
    """Record that the patient has arrived."""
    ledger.move(token, Action.CHECK_IN, arrived_at=ledger.now)


def reinstate(ledger: Ledger, *, token: Token) -> None:
    """Put a missing patient back into the queue at the old priority; raise GraceExpired once the grace is over."""
    if token.status == Status.NO_SHOW and not token.in_grace:
        raise GraceExpired
    arrived_at = token.arrived_at or ledger.now
    ledger.move(token, Action.REINSTATE, arrived_at=arrived_at, grace_expires_at=None, due_at=None, last_estimate=None)
