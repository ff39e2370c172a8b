"""The security log: sign-ins, failures and refusals, with ids and keyed hashes instead of names and addresses."""

import hashlib
import hmac
from typing import Any

import structlog
from django.conf import settings

_log = structlog.get_logger("accounts.security")


def log_event(event: str, **fields: Any) -> None:
    """Write a security event to the log; `fields` are ids, numbers and digests, no personal data."""
    _log.info(event, **{name: value if isinstance(value, int) else str(value) for name, value in fields.items()})


def digest(*parts: str) -> str:
    """Return a keyed hash (32 hexadecimal digits) of personal data: equal values can be counted, but not read back."""
    text = "\x1f".join(parts).encode("utf-8", "replace")
    return hmac.new(settings.SECRET_KEY.encode(), b"accounts:" + text, hashlib.sha256).hexdigest()[:32]
