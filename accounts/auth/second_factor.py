"""The second factor: a time-based code of an app (TOTP, RFC 6238), or a recovery code."""

import base64
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from django.conf import settings
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.access.roles import STAFF
from accounts.audit.security_log import log_event
from accounts.limits.attempts import Limit
from accounts.models import RecoveryCode, User
from core import clock
from core.db.transactions import atomic

# A caller who guesses here already knows the password, so guesses are counted per user, not per address.
GUESSES = Limit("second-factor", 20)
RECOVERY_CODES = 10


@dataclass(frozen=True)
class Secret:
    """The secret for the user's app: as text to type, and as the URI of a QR code."""

    secret: str
    uri: str


def is_set_up(*, user: User) -> bool:
    """Return whether this user signs in with a second factor."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).exists()


def is_required_for(*, role: str | None) -> bool:
    """Return whether the hospital requires a second factor of users with this role."""
    return bool(settings.OPD_REQUIRE_STAFF_MFA) and role in STAFF


def begin(*, user: User) -> Secret:
    """Create a secret for the user's app; it replaces one that was not confirmed."""
    with atomic():
        TOTPDevice.objects.filter(user=user, confirmed=False).delete()
        device = TOTPDevice.objects.create(user=user, name="app", confirmed=False)
    secret = base64.b32encode(device.bin_key).decode().rstrip("=")
    issuer = settings.OPD_FACILITY_NAME
    query = urlencode({"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": 6, "period": 30})
    return Secret(secret=secret, uri=f"otpauth://totp/{quote(issuer)}:{quote(user.username)}?{query}")


def confirm(*, user: User, code: str) -> list[str] | None:
    """Enable the second factor if the code is right. Return the recovery codes, shown once, or None."""
    with atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
        if device is None or not _verify_totp(device, code):
            return None
        TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
        codes = new_recovery_codes(user)
    log_event("second_factor_set_up", user=user.pk)
    return codes


def remove(*, user: User) -> None:
    """Remove the user's second factor and recovery codes."""
    _delete_second_factor(user)
    log_event("second_factor_removed", user=user.pk)


def reset(*, user: User, by: str) -> None:
    """Remove another user's second factor, for example after the loss of a phone; the log names the actor `by`."""
    _delete_second_factor(user)
    log_event("second_factor_reset", user=user.pk, by=by)


def verify_code(*, user: User, code: str) -> bool:
    """Return whether the code is the current one, not used before, or a recovery code, which is then deleted."""
    key = str(user.pk)
    with atomic():
        # The row lock lets one attempt check, and count, at a time.
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
        if device is None or GUESSES.seconds_locked(key):
            return False
        right = _verify_totp(device, code) or _use_recovery_code(user.pk, code)
        if right:
            GUESSES.clear(key)
        else:
            GUESSES.count(key)
    return right


def recovery_codes_left(*, user: User) -> int:
    """Return the number of unused recovery codes."""
    return RecoveryCode.objects.filter(user=user).count()


def _delete_second_factor(user: User) -> None:
    with atomic():
        TOTPDevice.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()


def _verify_totp(device: TOTPDevice, code: str) -> bool:
    if len(code) != device.digits or not (code.isascii() and code.isdigit()):
        return False
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = clock.now().timestamp()
    if not totp.verify(int(code), device.tolerance, device.last_t + 1):
        return False
    TOTPDevice.objects.filter(pk=device.pk).update(last_t=totp.t())
    return True


def new_recovery_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, code_sha256=_hash(code)) for code in codes])
    return ["-".join((code[:4], code[4:8], code[8:12], code[12:])) for code in codes]


def _use_recovery_code(user_id: uuid.UUID, code: str) -> bool:
    plain = code.replace("-", "").replace(" ", "").lower()
    used, _ = RecoveryCode.objects.filter(user_id=user_id, code_sha256=_hash(plain)).delete()
    if used:
        log_event("recovery_code_used", user=user_id)
    return bool(used)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
