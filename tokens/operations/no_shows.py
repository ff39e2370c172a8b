"""Marking a patient as a no-show."""

from typing import Any

from tokens.engine.ledger import Ledger
from tokens.models import Token
from tokens.policy.grace import grace_ends
from tokens.policy.lifecycle import QUEUED, Action
from tokens.queries.estimates import estimate_in_queue


def no_show(ledger: Ledger, *, token: Token, **changes: Any) -> None:
    """Mark the patient as missing and keep the seat until the grace ends; `changes`: other changes of the token."""
    estimate = token.last_estimate
    if token.status in QUEUED:
        estimate = estimate_in_queue(token=token, slot=ledger.slot, now=ledger.now)
    ends = grace_ends(now=ledger.now, estimated_time=estimate, grace=ledger.rules.grace)
    ledger.move(token, Action.NO_SHOW, last_estimate=estimate, grace_expires_at=ends, due_at=ends, **changes)
