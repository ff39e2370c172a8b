"""Who goes first: five tiers, and a bonus that never crosses them (section 2 of the contract)."""

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
"""Hundredths."""
CARE_BONUS = Decimal("0.09")
NO_BONUS = Decimal("0.00")
OLD_FROM_YEARS = 65
YOUNG_BELOW_YEARS = 2
SPAN_OF_ONE_HUNDREDTH = timedelta(minutes=6)
"""0.10 an hour is 0.01 for each full six minutes."""


@dataclass(frozen=True, slots=True)
class Priority:
    """A frozen priority and what it is made of; the lower value goes first."""

    base: Decimal
    time_bonus: Decimal
    care_bonus: Decimal

    @property
    def value(self) -> Decimal:
        return self.base - self.time_bonus - self.care_bonus


def time_bonus(*, requested_at: datetime, planned_start: datetime) -> Decimal:
    """0.10 for each hour from the request to the planned start, rounded down to 0.01, from 0 to 0.90."""
    hundredths = (planned_start - requested_at) // SPAN_OF_ONE_HUNDREDTH
    return Decimal(max(0, min(MAX_TIME_BONUS, hundredths))).scaleb(-2)


def age_on(*, born: date, day: date) -> int:
    """Full years of age on `day`; somebody born on 29 February has a birthday on 1 March in a common year."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def care_bonus(*, born: date | None, needs_assistance: bool, local_day: date) -> Decimal:
    """0.09 for the old, the very young and those who need assistance on the slot's local day, else 0."""
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
    """The priority of a request, frozen when it is made; an emergency has exactly 1.00."""
    if category is Category.EMERGENCY:
        return Priority(BASE[category], NO_BONUS, NO_BONUS)
    return Priority(
        BASE[category],
        time_bonus(requested_at=requested_at, planned_start=planned_start),
        care_bonus(born=born, needs_assistance=needs_assistance, local_day=local_day),
    )
