"""Encode JSON with orjson, decimals as numbers."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "__iter__"):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be encoded as JSON")


def to_json(value: Any) -> bytes:
    """Return the JSON text of plain values, UUIDs, times and decimals."""
    return orjson.dumps(value, default=_plain, option=_OPTIONS)
