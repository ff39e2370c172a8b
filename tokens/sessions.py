"""The service for the doctor's session in a slot, each change in one transaction."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from clinics.models import Slot
from core.api.commands import Reply
from core.db.sql import Found
from tokens.engine.ledger import Ledger
from tokens.engine.transaction import on_slot, on_slots
from tokens.operations import sessions
from tokens.operations.sessions import Finished as Finished


class SessionService:
    """Begins, pauses, finishes and reopens slots.

    With a `reply` a method returns the answer to the request in place of the slot.

    All methods raise NotFound for an id that does not exist and SlotBusy if a lock is not acquired in time, besides the
    errors of the operation that they call.
    """

    def begin(self, *, slot_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Record that the doctor has arrived."""
        return _act(slot_id, actor, sessions.begin, reply)

    def pause(
        self, *, slot_id: UUID, actor: str, minutes: int | None = None, reason: str = "", reply: Reply | None = None
    ) -> Any:
        """Call no patients until the doctor resumes."""
        return _act(slot_id, actor, lambda ledger: sessions.pause(ledger, minutes=minutes, reason=reason), reply)

    def resume(self, *, slot_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Call patients again."""
        return _act(slot_id, actor, sessions.resume, reply)

    def finish(
        self, *, slot_id: UUID, actor: str, carry_over_to: UUID | None = None, reply: Reply | None = None
    ) -> Any:
        """End the session, and move patients who were not seen to the slot `carry_over_to`; return Finished."""

        def operation(ledgers: dict[UUID, Ledger], found: list[Found]) -> Finished:
            if reply is not None:
                reply.check_version(ledgers[slot_id].slot.version)
            target = None if carry_over_to is None else ledgers[carry_over_to]
            return sessions.finish(ledgers[slot_id], carry_over_to=target)

        slots = {slot_id} if carry_over_to is None else {slot_id, carry_over_to}
        return on_slots(slots, actor=actor, operation=operation, reply=reply)

    def reopen(self, *, slot_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Take back that the slot was closed or finished."""
        return _act(slot_id, actor, sessions.reopen, reply)


def _act(slot_id: UUID, actor: str, operate: Callable[[Ledger], None], reply: Reply | None) -> Any:
    def operation(ledger: Ledger) -> Slot:
        operate(ledger)
        return ledger.slot

    return on_slot(slot_id, actor=actor, operation=operation, reply=reply)
