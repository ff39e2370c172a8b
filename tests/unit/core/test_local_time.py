"""Local days and times, in zones with and without clock changes."""

from datetime import UTC, date, datetime, time

import pytest

from core.local_time import LocalTimeError, at_local, parse_local

INDIA = "Asia/Kolkata"
BERLIN = "Europe/Berlin"


def code_of(text: str, zone: str) -> str:
    with pytest.raises(LocalTimeError) as caught:
        parse_local(text, zone)
    return caught.value.code


def test_a_time_without_offset_is_read_in_the_zone() -> None:
    assert parse_local("2026-03-02T09:00", INDIA) == datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    assert parse_local("2026-03-02T09:00:00+05:30", BERLIN) == datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    assert parse_local("2026-03-02T09:00:00Z", INDIA) == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    assert code_of("2026-03-29T02:30", BERLIN) == "nonexistent-time"
    assert parse_local("2026-03-29T02:30+01:00", BERLIN) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_time_that_comes_twice_is_refused() -> None:
    assert code_of("2026-10-25T02:30", BERLIN) == "ambiguous-time"


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-02-30T09:00", "2026-03-02", "20260302", "09:00", "2026-03-02T25:00", "2026-03-02T09:00+99:00"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert code_of(text, INDIA) == "invalid"


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59-12:00", "0001-01-01T00:00+14:00"])
def test_the_ends_of_time_are_refused_not_a_crash(text: str) -> None:
    assert code_of(text, INDIA) == "invalid"


def test_an_unknown_zone_is_refused() -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", "", "A\x00B"):
        assert code_of("2026-03-02T09:00", name) == "invalid-time-zone"


def test_a_clock_time_on_a_day() -> None:
    assert at_local(date(2026, 3, 2), time(9), INDIA) == datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    with pytest.raises(LocalTimeError):
        at_local(date(2026, 3, 29), time(2, 30), BERLIN)
