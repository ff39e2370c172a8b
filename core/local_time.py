"""Days and clock times as the people in the building see them."""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NO_PLACE = frozenset({"localtime", "Factory"})
"""Files beside those of the time zones: the zone of the machine, and the mark of a zone that was never set."""


class LocalTimeError(ValueError):
    """A clock time that cannot be placed on the time line of its zone."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@lru_cache(maxsize=256)
def zone_info(zone: str) -> ZoneInfo:
    """The zone of an IANA name; LocalTimeError for a name that is none."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise LocalTimeError("invalid-time-zone", "This is not the name of a time zone.") from error


def local_day(moment: datetime, zone: str) -> date:
    """The calendar day on which the moment falls in the zone."""
    return moment.astimezone(zone_info(zone)).date()


def at_local(day: date, clock_time: time, zone: str) -> datetime:
    """The moment, in UTC, of a clock time on a local day; refused if it does not exist or comes twice that day."""
    return _placed(datetime.combine(day, clock_time), zone)


def parse_local(text: str, zone: str) -> datetime:
    """The moment, in UTC, that an ISO 8601 text names; without an offset it is read in the zone.

    Refused with LocalTimeError: what is no time, and what falls into a gap or a repeated hour of the zone.
    """
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise LocalTimeError("invalid", "Not a time. Use ISO 8601, for example 2026-03-01T09:00:00+05:30.") from error
    if "T" not in text.upper() and " " not in text.strip():
        raise LocalTimeError("invalid", "A day without a time of day. Use for example 2026-03-01T09:00.")
    if value.tzinfo is None:
        return _placed(value, zone)
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise LocalTimeError("invalid", "This time is out of range.") from error


def _placed(naive: datetime, zone: str) -> datetime:
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
