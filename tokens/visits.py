"""The part of the service that changes one token while its patient is in the hospital."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from core.api.commands import Reply
from core.db.sql import Found
from core.errors import NotFound, ValidationFailed
from tokens.engine.ledger import Ledger
from tokens.engine.locate import place_of_token
from tokens.engine.transaction import on_slot
from tokens.models import Token
from tokens.operations import calling, stepping_back, stepping_out
from tokens.policy.lifecycle import StepOutReason
from tokens.queries.locked import seated, tokens_query


class VisitService:
    """Recalls and skips patients, and lets them step out; a part of TokenAllocationService."""

    def recall(self, *, token_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Call a called patient once more."""
        return self._act(token_id, actor, calling.recall, reply)

    def skip(self, *, token_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Put a called patient who did not appear behind the next tokens of the queue."""
        return self._act(token_id, actor, stepping_back.skip, reply)

    def let_pass(self, *, token_id: UUID, places: int, actor: str, reply: Reply | None = None) -> Any:
        """Put a patient behind so many, at most MAX_LET_PASS, of those that follow in the queue."""
        if not 1 <= places <= stepping_back.MAX_LET_PASS:
            raise ValidationFailed.of("places", "out-of-range", f"1 to {stepping_back.MAX_LET_PASS}.")

        def operation(ledger: Ledger, *, token: Token) -> None:
            stepping_back.let_pass(ledger, token=token, places=places)

        return self._act(token_id, actor, operation, reply)

    def step_out(
        self, *, token_id: UUID, reason: str, actor: str, minutes: int = 30, reply: Reply | None = None
    ) -> Any:
        """Take a patient out of the queue or the room for a while."""

        def operation(ledger: Ledger, *, token: Token) -> None:
            stepping_out.step_out(ledger, token=token, reason=StepOutReason(reason), minutes=minutes)

        return self._act(token_id, actor, operation, reply)

    def step_in(self, *, token_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Put a patient who has stepped out back into the queue."""
        return self._act(token_id, actor, stepping_out.step_in, reply)

    def _act(self, token_id: UUID, actor: str, operate: Callable[..., None], reply: Reply | None) -> Any:
        facility_id, slot_id = place_of_token(token_id)
        queries = [tokens_query(facility_id=facility_id, slot_ids=[slot_id], token_ids=[token_id])]

        def operation(ledger: Ledger, rows: Found) -> Token:
            if not rows:
                raise NotFound
            [token] = seated(rows, {slot_id: ledger.slot})
            operate(ledger, token=token)
            return token

        return on_slot(slot_id, actor=actor, operation=operation, reply=reply, queries=queries)
