"""Cancelling a token, and withdrawing a waiting-list entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.db.sql import Found, Statement
from core.errors import EngineError, NotFound
from tokens.engine.ledger import Ledger
from tokens.engine.locate import facility_of_slot
from tokens.errors import InvalidTransition
from tokens.models import Token
from tokens.operations.promoting import promote
from tokens.policy.lifecycle import Action, allows
from tokens.queries.locked import seated, tokens_query
from waitlist.models import EntryStatus, WaitlistEntry


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """A cancellation of a token, the actor that the log names, and whether the seat is kept for the desk."""

    slot_id: UUID
    token_id: UUID
    keep_seat: bool
    actor: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A cancelled token, and the tokens that were promoted into its seat."""

    token: Token
    promoted: list[Token]


def cancellation_queries(requests: Sequence[CancelRequest]) -> list[Statement]:
    """Return the queries that these cancellations in slots of one facility need; none for an empty batch."""
    if not requests:
        return []
    slot_ids, token_ids = {one.slot_id for one in requests}, [one.token_id for one in requests]
    facility_id = facility_of_slot(requests[0].slot_id)
    return [tokens_query(facility_id=facility_id, slot_ids=slot_ids, token_ids=token_ids)]


def cancel_all(
    ledgers: Mapping[UUID, Ledger], *, requests: Sequence[CancelRequest], found: Found
) -> list[Cancelled | EngineError]:
    """Carry out a batch of cancellations in their order; an error of one does not affect the others.

    `found`: the rows of `cancellation_queries`.
    """
    slots = {ledger.slot.id: ledger.slot for ledger in ledgers.values()}
    tokens = {token.id: token for token in seated(found, slots)}
    results: list[Cancelled | EngineError] = []
    for one in requests:
        ledger = ledgers[one.slot_id]
        ledger.actor = one.actor
        try:
            token = tokens.get(one.token_id)
            if token is None:
                raise NotFound
            cancel(ledger, token=token, keep_seat=one.keep_seat)
        except EngineError as refusal:
            results.append(refusal)
        else:
            results.append(Cancelled(token, promote(ledger)))
    return results


def cancel(ledger: Ledger, *, token: Token, keep_seat: bool) -> None:
    """Cancel a token and free its seat.

    With `keep_seat` (only for the desk), and if the waiting list is empty, the desk keeps the seat for
    the facility's `buffer_minutes` instead.
    """
    if keep_seat and not ledger.slot.waiting_count and allows(action=Action.BUFFER, status=token.status):
        ends = ledger.now + ledger.rules.buffer
        ledger.move(token, Action.BUFFER, data={"kept_until": ends.isoformat()}, due_at=ends)
    else:
        ledger.move(token, Action.CANCEL, due_at=None)


def withdraw(ledger: Ledger, *, entry: WaitlistEntry) -> None:
    """Take an entry off the waiting list; raise InvalidTransition if it is no longer WAITING."""
    if entry.status != EntryStatus.WAITING:
        raise InvalidTransition(current_status=entry.status, action="withdraw")
    ledger.settle_entries([entry], to=EntryStatus.WITHDRAWN)
