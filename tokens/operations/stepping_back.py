"""Patients who go behind others: those who did not appear when called, and those who let others pass."""

from typing import Any

from tokens.engine.ledger import Ledger
from tokens.errors import InvalidTransition
from tokens.models import Token
from tokens.operations.no_shows import no_show
from tokens.policy.lifecycle import Action, allows
from tokens.policy.ordering import OrderKey, place_behind
from tokens.policy.priority import Category
from tokens.queries.locked import passed_key

MAX_LET_PASS = 10


def skip(ledger: Ledger, *, token: Token) -> None:
    """Put a called patient who did not appear behind the next `skip_places` tokens of the queue.

    The `max_skips`-th skip makes the patient a no-show instead.
    """
    if not allows(action=Action.SKIP, status=token.status):
        raise InvalidTransition(current_status=token.status, action=Action.SKIP.value)
    skips = token.skips + 1
    if skips >= ledger.rules.max_skips:
        no_show(ledger, token=token, skips=skips)
        return
    place = _place_behind_next(token, places=ledger.rules.skip_places)
    changes: dict[str, Any] = {} if place is None else {"place": place}
    ledger.move(token, Action.SKIP, skips=skips, last_estimate=None, **changes)


def let_pass(ledger: Ledger, *, token: Token, places: int) -> None:
    """Put a patient behind so many of the tokens that follow in the queue; change nothing if none does.

    The caller checks that `places` is between 1 and MAX_LET_PASS.
    """
    if not allows(action=Action.LET_PASS, status=token.status):
        raise InvalidTransition(current_status=token.status, action=Action.LET_PASS.value)
    place = _place_behind_next(token, places=places, after=token.order_key)
    if place is not None:
        ledger.move(token, Action.LET_PASS, data={"places": places}, place=place)


def _place_behind_next(token: Token, *, places: int, after: OrderKey | None = None) -> OrderKey | None:
    """Return the place behind the first tokens of the queue, or the first after a key; None if the token is behind
    them as it is. An emergency goes behind emergencies alone.
    """
    passed = passed_key(token=token, places=places, after=after, emergencies_only=token.category == Category.EMERGENCY)
    if passed is None or passed.key < token.order_key:
        return None
    return place_behind(passed.key, next_fraction=passed.next_fraction)
