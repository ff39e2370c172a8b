"""Sign-ins, failures and refusals as log lines: ids and keyed hashes, never a name or an e-mail address in clear."""

import hashlib
import hmac
from typing import Any

import structlog
from django.conf import settings

_log = structlog.get_logger("accounts.security")


def note(event: str, **facts: Any) -> None:
    """Write one line about who came in, or who did not; facts are ids, numbers and digests."""
    _log.info(event, **{name: value if isinstance(value, int) else str(value) for name, value in facts.items()})


def digest(*parts: str) -> str:
    """A keyed hash of something personal: equal things can be counted together, nobody can read them back."""
    text = "\x1f".join(parts).encode("utf-8", "replace")
    return hmac.new(settings.SECRET_KEY.encode(), b"accounts:" + text, hashlib.sha256).hexdigest()[:32]
