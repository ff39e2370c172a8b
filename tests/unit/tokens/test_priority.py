"""Priority: tiers never overlap, and bonuses match the contract."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.policy.priority import BASE, Category, age_on, care_bonus, priority_of, time_bonus

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MOMENTS = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC))
BIRTHS = st.none() | st.dates(min_value=date(1910, 1, 1), max_value=date(2030, 1, 1))
CATEGORIES = st.sampled_from(list(Category))


def _priority(category: Category, *, hours: float) -> Decimal:
    return priority_of(
        category=category,
        requested_at=NINE - timedelta(hours=hours),
        planned_start=NINE,
        born=None,
        needs_assistance=False,
        local_day=NINE.date(),
    ).value


@pytest.mark.parametrize(
    ("category", "hours", "expected"),
    [
        (Category.ONLINE, 2, "3.80"),
        (Category.WALKIN, 1, "4.90"),
        (Category.WALKIN, 0, "5.00"),
        (Category.FOLLOWUP, 9, "2.10"),
        (Category.FOLLOWUP, 900, "2.10"),
        (Category.PRIORITY_PAID, -3, "2.00"),
        (Category.EMERGENCY, 5, "1.00"),
    ],
)
def test_the_worked_examples(category: Category, hours: float, expected: str) -> None:
    assert _priority(category, hours=hours) == Decimal(expected)


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (timedelta(minutes=6), "0.01"),
        (timedelta(minutes=6) - timedelta(microseconds=1), "0.00"),
        (timedelta(minutes=59, seconds=59), "0.09"),
        (timedelta(hours=9) - timedelta(microseconds=1), "0.89"),
        (timedelta(hours=9), "0.90"),
    ],
)
def test_the_time_bonus_is_rounded_down(ahead: timedelta, expected: str) -> None:
    assert time_bonus(requested_at=NINE - ahead, planned_start=NINE) == Decimal(expected)


@given(requested=MOMENTS, start=MOMENTS, category=CATEGORIES, born=BIRTHS, assisted=st.booleans())
def test_tiers_never_cross(
    requested: datetime, start: datetime, category: Category, born: date | None, assisted: bool
) -> None:
    priority = priority_of(
        category=category,
        requested_at=requested,
        planned_start=start,
        born=born,
        needs_assistance=assisted,
        local_day=start.date(),
    )
    assert BASE[category] - 1 < priority.value <= BASE[category]
    assert priority.value == priority.value.quantize(Decimal("0.01"))
    assert priority.value == priority.base - priority.time_bonus - priority.care_bonus
    if category is Category.EMERGENCY:
        assert priority.value == 1


@given(start=MOMENTS, early=st.integers(0, 10**6), later=st.integers(0, 10**6))
def test_who_asks_earlier_never_has_less_bonus(start: datetime, early: int, later: int) -> None:
    first, second = (timedelta(seconds=seconds) for seconds in sorted((early, later), reverse=True))
    assert time_bonus(requested_at=start - first, planned_start=start) >= time_bonus(
        requested_at=start - second, planned_start=start
    )


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(1961, 3, 2), date(2026, 3, 2), 65),
        (date(1961, 3, 3), date(2026, 3, 2), 64),
        (date(2024, 2, 29), date(2026, 2, 28), 1),
        (date(2024, 2, 29), date(2026, 3, 1), 2),
    ],
)
def test_age_is_counted_in_birthdays(born: date, day: date, age: int) -> None:
    assert age_on(born=born, day=day) == age


@pytest.mark.parametrize(
    ("born", "assisted", "expected"),
    [
        (date(1961, 3, 2), False, "0.09"),
        (date(1961, 3, 3), False, "0.00"),
        (date(2024, 3, 3), False, "0.09"),
        (date(2024, 3, 2), False, "0.00"),
        (None, True, "0.09"),
        (None, False, "0.00"),
        (date(1990, 1, 1), True, "0.09"),
    ],
)
def test_care_for_the_old_the_very_young_and_who_needs_assistance(
    born: date | None, assisted: bool, expected: str
) -> None:
    assert care_bonus(born=born, needs_assistance=assisted, local_day=date(2026, 3, 2)) == Decimal(expected)
