"""Presence codes: a kiosk shows a code that changes every minute, and a patient's telephone proves with it that the
patient is there.

A code is six digits of an HMAC of the minute with the kiosk's own secret. It is accepted for the minute in which it is
shown and the next one. Wrong codes are limited for each tracking link.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

from accounts.limits.attempts import Limit
from core.errors import Throttled, ValidationFailed
from live.models import Kiosk

PERIOD = timedelta(seconds=60)
_DIGITS = 6
_WRONG_CODES = Limit("presence", 5, timedelta(minutes=5))


def code_at(kiosk: Kiosk, *, now: datetime) -> tuple[str, datetime]:
    """Return the code that the kiosk shows now, and when the next one follows."""
    minute = _minute_of(now)
    return _code(bytes(kiosk.presence_secret), minute), datetime.fromtimestamp((minute + 1) * PERIOD.seconds, UTC)


def check_presence(*, facility_id: UUID, link_id: UUID, code: str | None, now: datetime) -> None:
    """Raise ValidationFailed unless a kiosk of the facility shows this code or did so in the minute before.

    The attempt is counted first, so that parallel guesses are all counted; raise Throttled after five wrong ones in 5
    minutes.
    """
    if code is None:
        raise ValidationFailed.of("presence", "required", "Enter the code that the kiosk shows.")
    if _WRONG_CODES.count(str(link_id)) > _WRONG_CODES.max_attempts:
        raise Throttled(retry_after=_WRONG_CODES.seconds_locked(str(link_id)))
    secrets = Kiosk.objects.filter(facility_id=facility_id).values_list("presence_secret", flat=True)
    minute = _minute_of(now)
    shown = [_code(bytes(secret), each) for secret in secrets for each in (minute, minute - 1)]
    matches = [hmac.compare_digest(code.encode(), each.encode()) for each in shown]  # every one is compared
    if True not in matches:
        raise ValidationFailed.of("presence", "invalid-code", "This is not the code that the kiosk shows.")
    _WRONG_CODES.clear(str(link_id))


def _minute_of(now: datetime) -> int:
    return int(now.timestamp()) // PERIOD.seconds


def _code(secret: bytes, minute: int) -> str:
    mac = hmac.new(secret, minute.to_bytes(8, "big"), hashlib.sha256).digest()
    return f"{int.from_bytes(mac[:8], 'big') % 10**_DIGITS:0{_DIGITS}d}"
