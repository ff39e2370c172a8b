"""Patients who leave for a while, for the laboratory or a payment for example, and keep their seat."""

from datetime import timedelta
from typing import Any

from clinics.models import SlotStatus
from tokens.engine.ledger import Ledger
from tokens.errors import InvalidTransition
from tokens.models import Token
from tokens.policy.lifecycle import Action, Status, StepOutReason
from tokens.policy.ordering import return_place
from tokens.policy.priority import Category
from tokens.queries.estimates import estimate_in_queue


def step_out(ledger: Ledger, *, token: Token, reason: StepOutReason, minutes: int) -> None:
    """Take a patient out of the queue or the room; the token keeps its seat and its last estimate.

    A patient who leaves the consultation will come back ahead of all who are not emergencies. Raise InvalidTransition
    in a cancelled slot, which has no queue to come back to.
    """
    before, estimate = token.status, token.last_estimate
    if ledger.slot.status == SlotStatus.CANCELLED:
        raise InvalidTransition("The slot is cancelled.", current_status=before, action=Action.STEP_OUT.value)
    if before == Status.CHECKED_IN:
        estimate = estimate_in_queue(token=token, slot=ledger.slot, now=ledger.now)
    changes: dict[str, Any] = {}
    if before == Status.IN_CONSULTATION and token.category != Category.EMERGENCY:
        changes["place"] = return_place(arrival=token.arrival)
    ledger.move(
        token,
        Action.STEP_OUT,
        data={"reason": reason.value},
        last_estimate=estimate,
        returns_by=ledger.now + timedelta(minutes=minutes),
        **changes,
    )


def step_in(ledger: Ledger, *, token: Token) -> None:
    """Put a patient who is back into the queue."""
    ledger.move(token, Action.STEP_IN, last_estimate=None, returns_by=None)
