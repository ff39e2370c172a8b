"""The order of a queue, which is total (sections 2 and 14 of the contract).

A token has a natural key, which follows from its request. A token that was skipped, that let others pass or that left
the consultation has a *place* instead: a stored key. A place behind another token is the key of that token with a
greater fraction, so no other key ever changes, and a request that ranks better still goes ahead of both.
"""

from decimal import Decimal
from fractions import Fraction
from itertools import count
from math import ceil, floor

from tokens.policy.priority import Category

OrderKey = tuple[Decimal, int, int, Decimal]
"""Priority, band, arrival and fraction. The fraction of a natural key is 0."""

AT_ARRIVAL = Decimal(0)
RETURN_BAND = 6
"""The band of those who left the consultation: behind the emergencies, whose bands are 0 to 5, ahead of all others."""


def order_key(
    *, category: str, priority: Decimal, acuity: int | None, arrival: int, place: OrderKey | None = None
) -> OrderKey:
    """Return the sort key of a token; the token with the lower key is seen first.

    The natural order is by priority, then by arrival, which no two requests of a slot share. Emergencies without acuity
    come before all others, the newest first; emergencies with acuity follow by acuity, then by arrival.
    """
    if place is not None:
        return place
    if category == Category.EMERGENCY and acuity is None:
        return (priority, 0, -arrival, AT_ARRIVAL)
    return (priority, acuity or 0, arrival, AT_ARRIVAL)


def return_place(*, arrival: int) -> OrderKey:
    """Return the place of a patient who left the consultation: ahead of all who are not emergencies."""
    return (Decimal("1.00"), RETURN_BAND, arrival, AT_ARRIVAL)


def place_behind(passed: OrderKey, *, next_fraction: Decimal | None) -> OrderKey:
    """Return the place directly behind a token.

    `next_fraction`: the next greater fraction that a place of the slot has with the same priority, band and arrival.
    """
    priority, band, arrival, fraction = passed
    return (priority, band, arrival, _between(fraction, next_fraction))


def _between(low: Decimal, high: Decimal | None) -> Decimal:
    """Return a number between two others, with as few decimals as possible; above `low` if there is no `high`."""
    if high is None:
        return Decimal(floor(low) + 1)
    for decimals in count():
        unit = 10**decimals
        first, last = floor(Fraction(low) * unit) + 1, ceil(Fraction(high) * unit) - 1
        if first <= last:
            return Decimal(f"{(first + last) // 2}E-{decimals}")
    raise AssertionError("unreachable")
