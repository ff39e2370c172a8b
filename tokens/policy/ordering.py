"""The order of a queue, which is total (section 2 of the contract)."""

from decimal import Decimal

from tokens.policy.priority import Category

OrderKey = tuple[Decimal, int, int]


def order_key(*, category: str, priority: Decimal, acuity: int | None, arrival: int) -> OrderKey:
    """Return the sort key of a token; the token with the lower key is seen first.

    The order is by priority, then by arrival, which no two requests of a slot share. Emergencies without acuity come
    before all others, the newest first; emergencies with acuity follow by acuity, then by arrival.
    """
    if category == Category.EMERGENCY and acuity is None:
        return (priority, 0, -arrival)
    return (priority, acuity or 0, arrival)
