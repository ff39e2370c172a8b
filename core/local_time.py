"""Local days and clock times of a time zone, and their conversion to UTC."""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NOT_ZONES = frozenset({"localtime", "Factory"})
"""Names in the time zone database that are not zones: the system's own zone, and the mark of an unset zone."""


class LocalTimeError(ValueError):
    """A clock time that does not stand for exactly one moment in its zone, or an unknown zone."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@lru_cache(maxsize=256)
def zone_info(zone: str) -> ZoneInfo:
    """Return the zone of an IANA name; raise LocalTimeError for an unknown name."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise LocalTimeError("invalid-time-zone", "This is not the name of a time zone.") from error


def local_day(moment: datetime, zone: str) -> date:
    """Return the calendar day of the moment in the zone."""
    return moment.astimezone(zone_info(zone)).date()


def at_local(day: date, clock_time: time, zone: str) -> datetime:
    """Return the moment, in UTC, of a clock time on a local day.

    Raise LocalTimeError if the clocks of the zone skip or repeat this time.
    """
    return _to_utc(datetime.combine(day, clock_time), zone)


def parse_local(text: str, zone: str) -> datetime:
    """Return the moment, in UTC, of an ISO 8601 text; without an offset it is read in the zone.

    Raise LocalTimeError for a text that is not a time, and for one in a skipped or repeated hour of the zone.
    """
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise LocalTimeError("invalid", "Not a time. Use ISO 8601, for example 2026-03-01T09:00:00+05:30.") from error
    if "T" not in text.upper() and " " not in text.strip():
        raise LocalTimeError("invalid", "A day without a time of day. Use for example 2026-03-01T09:00.")
    if value.tzinfo is None:
        return _to_utc(value, zone)
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise LocalTimeError("invalid", "This time is out of range.") from error


def _to_utc(naive: datetime, zone: str) -> datetime:
    info = zone_info(zone)
    try:
        first = naive.replace(tzinfo=info, fold=0).astimezone(UTC)
        second = naive.replace(tzinfo=info, fold=1).astimezone(UTC)
        if first.astimezone(info).replace(tzinfo=None) != naive:
            raise LocalTimeError("nonexistent-time", f"The clocks of {zone} skip this time. Send it with an offset.")
    except OverflowError as error:
        raise LocalTimeError("invalid", "This time is out of range.") from error
    if first != second:
        raise LocalTimeError("ambiguous-time", f"This time comes twice in {zone}. Send it with an offset.")
    return first
