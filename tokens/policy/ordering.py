"""The order of a queue: total, and never left to chance (section 2 of the contract)."""

from decimal import Decimal

from tokens.policy.priority import Category

OrderKey = tuple[Decimal, int, int]


def order_key(*, category: str, priority: Decimal, acuity: int | None, arrival: int) -> OrderKey:
    """The lower key is seen first.

    By priority; among emergencies those without acuity first, the newest of them at the front, then by acuity; equals
    in order of arrival, which no two requests of a slot share.
    """
    if category == Category.EMERGENCY and acuity is None:
        return (priority, 0, -arrival)
    return (priority, acuity or 0, arrival)
