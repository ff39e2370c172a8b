"""The part of the service that changes one token while its patient is in the hospital."""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from core.api.commands import Reply
from core.db.sql import Found
from core.errors import ValidationFailed
from tokens.engine.ledger import Ledger
from tokens.engine.locate import Place, in_slot_of
from tokens.engine.transaction import locked_token, on_slots, on_token
from tokens.models import Token
from tokens.operations import calling, moving, reclassifying, stepping_back, stepping_out, undoing
from tokens.operations.moving import Moved
from tokens.policy.lifecycle import StepOutReason
from tokens.policy.priority import Category
from tokens.queries.locked import tokens_query


class VisitService:
    """Recalls, skips, reclassifies and moves patients, and lets them step out; a part of TokenAllocationService."""

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

    def reclassify(
        self, *, token_id: UUID, category: Category, reason: str, actor: str, reply: Reply | None = None
    ) -> Any:
        """Change the category of a token, and with it the priority."""

        def operation(ledger: Ledger, *, token: Token) -> None:
            reclassifying.reclassify(ledger, token=token, category=category, reason=reason)

        return self._act(token_id, actor, operation, reply)

    def undo(self, *, token_id: UUID, may_undo: Collection[str], actor: str, reply: Reply | None = None) -> Any:
        """Undo the last action on a token, if it is one of the types of events that the caller may undo."""

        def operation(ledger: Ledger, *, token: Token) -> None:
            undoing.undo(ledger, token=token, may_undo=may_undo)

        return self._act(token_id, actor, operation, reply)

    def move(
        self,
        *,
        token_id: UUID,
        slot_id: UUID,
        actor: str,
        reason: str = "",
        desk: bool = False,
        confirmed_only: bool = False,
        reply: Reply | None = None,
    ) -> Any:
        """Move a token to another slot; return a Moved.

        `desk`: the move may take a seat that a BUFFER keeps. `confirmed_only`: refuse a token in another status.
        """

        def attempt(place: Place) -> Any:
            def operation(ledgers: dict[UUID, Ledger], found: list[Found]) -> Moved:
                source, target = ledgers[place.slot_id], ledgers[slot_id]
                token = locked_token(found[0], source)
                return moving.move(source, target, token=token, reason=reason, desk=desk, confirmed_only=confirmed_only)

            queries = [tokens_query(facility_id=place.facility_id, slot_ids=[place.slot_id], token_ids=[token_id])]
            return on_slots({place.slot_id, slot_id}, actor=actor, operation=operation, reply=reply, queries=queries)

        return in_slot_of(token_id, attempt)

    def _act(self, token_id: UUID, actor: str, operate: Callable[..., None], reply: Reply | None) -> Any:
        def operation(ledger: Ledger, token: Token) -> Token:
            operate(ledger, token=token)
            return token

        return on_token(token_id, actor=actor, operation=operation, reply=reply)
