"""Priorities: five tiers, and bonuses that never reach the next tier (section 2 of the contract)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum


class Category(StrEnum):
    EMERGENCY = "EMERGENCY"
    PRIORITY_PAID = "PRIORITY_PAID"
    FOLLOWUP = "FOLLOWUP"
    ONLINE = "ONLINE"
    WALKIN = "WALKIN"


BASE: dict[Category, Decimal] = {
    Category.EMERGENCY: Decimal("1.00"),
    Category.PRIORITY_PAID: Decimal("2.00"),
    Category.FOLLOWUP: Decimal("3.00"),
    Category.ONLINE: Decimal("4.00"),
    Category.WALKIN: Decimal("5.00"),
}
MAX_TIME_BONUS = 90
"""In hundredths."""
CARE_BONUS = Decimal("0.09")
NO_BONUS = Decimal("0.00")
OLD_FROM_YEARS = 65
YOUNG_BELOW_YEARS = 2
SPAN_OF_ONE_HUNDREDTH = timedelta(minutes=6)
"""0.10 an hour is 0.01 for each full six minutes."""


@dataclass(frozen=True, slots=True)
class Priority:
    """The priority of a request and its parts; it never changes, and the lower value goes first."""

    base: Decimal
    time_bonus: Decimal
    care_bonus: Decimal

    @property
    def value(self) -> Decimal:
        return self.base - self.time_bonus - self.care_bonus


def time_bonus(*, requested_at: datetime, planned_start: datetime) -> Decimal:
    """Return 0.10 for each hour from the request to the planned start, rounded down to 0.01, from 0 to 0.90."""
    hundredths = (planned_start - requested_at) // SPAN_OF_ONE_HUNDREDTH
    return Decimal(max(0, min(MAX_TIME_BONUS, hundredths))).scaleb(-2)


def age_on(*, born: date, day: date) -> int:
    """Return the age on `day` in full years; a birthday on 29 February falls on 1 March in a common year."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def care_bonus(*, born: date | None, needs_assistance: bool, local_day: date) -> Decimal:
    """Return the care bonus on the slot's local day, or 0.

    The bonus is 0.09 for patients from 65 years, below 2 years, or in need of assistance.
    """
    if needs_assistance:
        return CARE_BONUS
    if born is not None:
        age = age_on(born=born, day=local_day)
        if age >= OLD_FROM_YEARS or age < YOUNG_BELOW_YEARS:
            return CARE_BONUS
    return NO_BONUS


def priority_of(
    *,
    category: Category,
    requested_at: datetime,
    planned_start: datetime,
    born: date | None,
    needs_assistance: bool,
    local_day: date,
) -> Priority:
    """Return the priority of a request at the time when it is made; an emergency has exactly 1.00."""
    if category is Category.EMERGENCY:
        return Priority(BASE[category], NO_BONUS, NO_BONUS)
    return Priority(
        BASE[category],
        time_bonus(requested_at=requested_at, planned_start=planned_start),
        care_bonus(born=born, needs_assistance=needs_assistance, local_day=local_day),
    )
