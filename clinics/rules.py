"""The rules that a facility can override: their defaults, kinds and ranges.

The defaults come from environment variables (`config.settings.rules`). This module imports nothing of Django, so that
the settings can read it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MAX_REMINDERS = 10
MAX_LANGUAGES = 20
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
YEAR_MINUTES = 366 * DAY_MINUTES
_CLOCK_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2})?")


class RuleError(ValueError):
    """A value that a rule does not accept; `code` is the error code of the API."""

    def __init__(self, detail: str, code: str = "invalid") -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class Rule(Protocol):
    """A rule: its default, what it accepts, and how it is described in the OpenAPI document."""

    @property
    def default(self) -> Any: ...

    @property
    def schema(self) -> dict[str, Any]: ...

    def check(self, value: Any) -> Any:
        """Return the value as it is stored in JSON; raise RuleError."""

    def read(self, text: str) -> Any:
        """Return the value of an environment variable, not yet checked; raise RuleError."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a range; `whole` for an integer."""

    default: float
    at_least: float
    at_most: float
    whole: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "integer" if self.whole else "number", "minimum": self.at_least, "maximum": self.at_most}

    def check(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RuleError("Not a number.")
        if not self.at_least <= value <= self.at_most:
            raise RuleError(f"The number must be between {self.at_least:g} and {self.at_most:g}.", "out-of-range")
        if self.whole and value != int(value):
            raise RuleError("Not a whole number.")
        return int(value) if self.whole else value

    def read(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise RuleError("Not a number.") from None


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false."""

    default: bool

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise RuleError("Not true or false.")
        return value

    def read(self, text: str) -> bool:
        word = text.strip().lower()
        if word not in {"on", "true", "yes", "1", "off", "false", "no", "0"}:
            raise RuleError("Not on or off.")
        return word in {"on", "true", "yes", "1"}


@dataclass(frozen=True, slots=True)
class Numbers:
    """A list of distinct numbers, each in the range of `item`; it may be empty."""

    default: tuple[float, ...]
    item: Number
    at_most: int

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema, "maxItems": self.at_most}

    def check(self, value: Any) -> list[float]:
        numbers = [self.item.check(each) for each in _list(value, at_most=self.at_most)]
        if len(set(numbers)) != len(numbers):
            raise RuleError("A number is in the list twice.")
        return numbers

    def read(self, text: str) -> list[Any]:
        return [self.item.read(each) if isinstance(each, str) else each for each in _read_list(text)]


@dataclass(frozen=True, slots=True)
class ClockPeriod:
    """Two local times of day, "HH:MM", from the first to the second; an empty list for no period."""

    default: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "pattern": f"^{_CLOCK_TIME.pattern}$"}, "maxItems": 2}

    def check(self, value: Any) -> list[str]:
        times = _list(value, at_most=2)
        if not all(isinstance(each, str) and _CLOCK_TIME.fullmatch(each) for each in times):
            raise RuleError('Not two times of day such as ["21:00", "07:00"].')
        if times and (len(times) != 2 or times[0] == times[1]):
            raise RuleError("Give the beginning and the end, which differ, or an empty list for no such hours.")
        return times

    def read(self, text: str) -> list[Any]:
        return _read_list(text)


@dataclass(frozen=True, slots=True)
class Languages:
    """A list of distinct language tags, at least one."""

    default: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        items = {"type": "string", "pattern": f"^{_LANGUAGE.pattern}$"}
        return {"type": "array", "items": items, "minItems": 1, "maxItems": MAX_LANGUAGES}

    def check(self, value: Any) -> list[str]:
        tags = _list(value, at_most=MAX_LANGUAGES)
        if not tags or not all(isinstance(each, str) and _LANGUAGE.fullmatch(each) for each in tags):
            raise RuleError('Not a list of languages such as ["en", "hi"].')
        if len(set(tags)) != len(tags):
            raise RuleError("A language is in the list twice.")
        return tags

    def read(self, text: str) -> list[Any]:
        return _read_list(text)


RULES: Mapping[str, Rule] = {
    "hold_seconds": Number(120, 0, WEEK_MINUTES * 60),
    "no_show_grace_minutes": Number(15, 0, WEEK_MINUTES),
    "buffer_minutes": Number(10, 0, WEEK_MINUTES),
    "skip_places": Number(3, 1, 100, whole=True),
    "max_skips": Number(3, 1, 100, whole=True),
    "undo_seconds": Number(60, 0, DAY_MINUTES * 60),
    "horizon_days": Number(28, 1, 366, whole=True),
    "min_notice_minutes": Number(0, 0, YEAR_MINUTES),
    "max_days_ahead": Number(365, 0, 3660, whole=True),
    "cancel_cutoff_minutes": Number(0, 0, YEAR_MINUTES),
    "max_live_per_patient": Number(20, 1, 1000, whole=True),
    "max_live_per_user": Number(40, 1, 1000, whole=True),
    "followup_days": Number(0, 0, 3660, whole=True),
    "followup_visits": Number(1, 1, 100, whole=True),
    "share_release_minutes": Number(60, 0, WEEK_MINUTES),
    "offer_minutes": Number(0, 0, WEEK_MINUTES),
    "check_in_opens_minutes": Number(60, 0, WEEK_MINUTES),
    "kiosk_presence": Switch(False),
    "paid_tier_enabled": Switch(True),
    "emergency_reason_required": Switch(False),
    "reminder_hours": Numbers((24, 2), item=Number(1, 0.25, 720), at_most=MAX_REMINDERS),
    "quiet_hours": ClockPeriod(("21:00", "07:00")),
    "delay_notice_minutes": Number(15, 0, DAY_MINUTES),
    "languages": Languages(("en",)),
}


def setting_of(name: str) -> str:
    """Return the name of the setting, and of the environment variable, that has the default of a rule."""
    return f"OPD_{name.upper()}"


def merged(overrides: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a facility's overrides after a change, in which None takes an override back."""
    return {name: value for name, value in {**overrides, **changes}.items() if value is not None}


def _list(value: Any, *, at_most: int) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise RuleError("Not a list.")
    if len(value) > at_most:
        raise RuleError(f"The list may have at most {at_most} items.", "too-many-items")
    return list(value)


def _read_list(text: str) -> list[Any]:
    """Return a list that is written as JSON or separated by commas."""
    if not text.lstrip().startswith("["):
        return [each.strip() for each in text.split(",") if each.strip()]
    try:
        return list(json.loads(text))
    except ValueError:
        raise RuleError("Not a list.") from None
