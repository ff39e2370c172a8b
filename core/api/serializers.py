"""Serializers that read strictly or write fast, and fields for them, with times in the facility's zone."""

import re
import uuid
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime, time, tzinfo
from functools import cache
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from core import local_time

MAX_INTEGER = 2_147_483_647
MAX_TEXT = 10_000
MAX_UNKNOWN_SHOWN = 20
_YEARS = range(1900, 2200)
_CLOCK_TIME = re.compile(r"([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(Z|z|[+-][0-9:]{2,6})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class StrictCharField(serializers.CharField):
    """Text; a number is refused, because one such as 0049 would have lost its zeros."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", MAX_TEXT)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if self.max_length is not None and len(text) > self.max_length:
            # Check the length before validators whose time is not linear in it.
            self.fail("max_length", max_length=self.max_length)
        return text


class StrictIntegerField(serializers.IntegerField):
    """A whole number, of 32 bits by default."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", -MAX_INTEGER)
        kwargs.setdefault("max_value", MAX_INTEGER)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not (isinstance(data, int) or (isinstance(data, float) and data.is_integer())):
            self.fail("invalid")
        return int(data)


class StrictUUIDField(serializers.UUIDField):
    """An id as text; a number is refused, although a UUID could be made from it."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    """true or false, and no other value that could mean the same."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


def _zone_of(context: Mapping[str, Any]) -> str:
    zone = context.get("zone")
    if callable(zone):
        zone = zone()
    return str(zone or settings.TIME_ZONE)


class ClockTimeField(serializers.TimeField):
    """A local time of day, without an offset."""

    default_error_messages = {
        "invalid": "Not a time of day. Use hours and minutes, for example 09:00.",
        "offset": "A time of day has no offset: it is the facility's own, for example 09:00.",
    }

    def to_internal_value(self, value: Any) -> time:
        match = _CLOCK_TIME.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            self.fail("invalid")
        if match[2]:  # Django would ignore an offset
            self.fail("offset")
        return super().to_internal_value(match[1])


class LocalDateTimeField(serializers.Field[datetime, str, str, Any]):
    """A moment; without an offset it is read in the context's `zone`, a name or a callable that returns one."""

    default_error_messages = {"invalid": "Not a time. Use ISO 8601, for example 2026-03-01T09:00:00+05:30."}

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str) or len(data) > 64:
            self.fail("invalid")
        try:
            moment = local_time.parse_local(data, _zone_of(self.context))
        except local_time.LocalTimeError as error:
            raise serializers.ValidationError(error.detail, code=error.code) from error
        if moment.year not in _YEARS:
            raise serializers.ValidationError("This time is out of range.", code="out-of-range")
        return moment

    def to_representation(self, value: datetime) -> str:
        return value.astimezone(local_time.zone_info(_zone_of(self.context))).isoformat()


@extend_schema_field({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]})
class LocalDayOrMomentField(LocalDateTimeField):
    """A date, meaning the local day, or a moment."""

    default_error_messages = {"invalid": "Neither a date nor a time. Use for example 2026-03-01 or 2026-03-01T09:00."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not _DAY.fullmatch(data):
            return super().to_internal_value(data)
        try:
            day = date.fromisoformat(data)
        except ValueError:
            self.fail("invalid")
        if day.year not in _YEARS:
            raise serializers.ValidationError("This day is out of range.", code="out-of-range")
        return day


class _Strict:
    """Refuses unknown fields; read-only ones are ignored, so that the body of a GET can be sent back."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            fields = self.fields  # type: ignore[attr-defined]
            if any(name not in fields for name in data):
                raise serializers.ValidationError(self._unknown_and_wrong(data))
        return super().to_internal_value(data)  # type: ignore[misc]

    def _unknown_and_wrong(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the errors of the unknown fields together with those of the others."""
        error = ErrorDetail("There is no such field.", code="unknown-field")
        fields = self.fields  # type: ignore[attr-defined]
        unknown = islice((str(name) for name in data if name not in fields), MAX_UNKNOWN_SHOWN)
        found: dict[str, Any] = {name[:100]: [error] for name in unknown}
        try:
            super().to_internal_value({name: data[name] for name in data if name in fields})  # type: ignore[misc]
        except serializers.ValidationError as wrong:
            if isinstance(wrong.detail, dict):
                found |= wrong.detail
        return found


class StrictSerializer(_Strict, serializers.Serializer[Any]):
    """A serializer that refuses unknown fields."""

    @classmethod
    def read_body(cls, data: Any, **context: Hashable) -> dict[str, Any]:
        """Return the validated values of a body or a query. Raises DRF's ValidationError.

        One instance reads everything that has the same context: making its fields anew costs more than reading. Give
        only contexts of which there are few, such as time zones.
        """
        kind = (cls, *sorted(context.items()))
        reader = _readers.get(kind)
        if reader is None:
            reader = _readers[kind] = cls(context=context)
        return dict(reader.run_validation(data))


_readers: dict[tuple[Hashable, ...], StrictSerializer] = {}


class OutputSerializer(serializers.Serializer[None]):
    """A message that the API only sends: its fields describe it in the OpenAPI document, and `write` renders it."""

    @classmethod
    def write(cls, row: Any, *, zone: tzinfo | None = None, **given: Any) -> dict[str, Any]:
        """Return the declared fields: those `given` as they are, the others from the row's attributes.

        Ids become text, decimals of float fields numbers, and times text in the zone. Raise AttributeError for a field
        that is neither given nor in the row, TypeError for one that is not declared. DRF's own rendering takes several
        times as long.
        """
        return writer_of(cls, tuple(given))(row, zone, given)


def write_time(value: datetime | None, zone: tzinfo | None) -> str | None:
    """Return a time as ISO 8601, with the offset of the zone if one is given."""
    return None if value is None else value.astimezone(zone).isoformat() if zone else value.isoformat()


_CONVERSIONS = {
    serializers.UUIDField: "None if (value := {}) is None else str(value)",
    serializers.FloatField: "float({})",
    serializers.DateTimeField: (
        "None if (value := {}) is None else value.astimezone(zone).isoformat() if zone else value.isoformat()"
    ),
}
"""The expressions that turn a value of the row into one of the message."""


@cache
def writer_of(message: type[OutputSerializer], given: tuple[str, ...]) -> Callable[..., dict[str, Any]]:
    """Return the function `(row, zone, given)` that writes a message of which these fields are given.

    It is compiled from the declared fields, as `dataclasses` compiles `__init__`: a loop over the fields takes longer
    than a dict display (measured with a queue of 500 tokens: 5.1 ms instead of 4.5 ms).
    """
    fields = message().fields
    if unknown := set(given) - set(fields):
        raise TypeError(f"{message.__name__} has no field {sorted(unknown)}")
    items = []
    for name, field in fields.items():
        value = f"row.{field.source or name}"
        written = f"given[{name!r}]" if name in given else _CONVERSIONS.get(type(field), "{}").format(value)
        items.append(f"{name!r}: {written}")
    writer: Callable[..., dict[str, Any]] = eval(f"lambda row, zone, given: {{{', '.join(items)}}}")  # noqa: S307
    return writer


class StrictModelSerializer(_Strict, serializers.ModelSerializer[Any]):
    """A model serializer that refuses unknown fields and mistyped values."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: StrictCharField,
        models.TextField: StrictCharField,
        models.IntegerField: StrictIntegerField,
        models.SmallIntegerField: StrictIntegerField,
        models.PositiveIntegerField: StrictIntegerField,
        models.PositiveSmallIntegerField: StrictIntegerField,
        models.BooleanField: StrictBooleanField,
        models.DateTimeField: LocalDateTimeField,
    }
