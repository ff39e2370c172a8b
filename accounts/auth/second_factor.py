"""The second factor: a code that an app makes from a secret and the time (TOTP, RFC 6238), or a recovery code."""

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
from accounts.audit.security_log import note
from accounts.limits.attempts import Limit
from accounts.models import RecoveryCode, User
from core import clock
from core.db.transactions import atomic

# Whoever guesses here knows the password already; counted for the user as a whole, wherever the guesses come from.
GUESSES = Limit("second-factor", 20)
RECOVERY_CODES = 10


@dataclass(frozen=True)
class Secret:
    """What the user's app needs: as text to type, and as the address that a QR code carries."""

    secret: str
    uri: str


def is_set_up(*, user: User) -> bool:
    """Whether this user signs in with a second factor."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).exists()


def is_demanded_of(*, role: str | None) -> bool:
    """Whether the hospital lets somebody of this role do nothing without a second factor."""
    return bool(settings.OPD_REQUIRE_STAFF_MFA) and role in STAFF


def begin(*, user: User) -> Secret:
    """Make a secret for the user's app, in place of one that was never confirmed."""
    with atomic():
        TOTPDevice.objects.filter(user=user, confirmed=False).delete()
        device = TOTPDevice.objects.create(user=user, name="app", confirmed=False)
    secret = base64.b32encode(device.bin_key).decode().rstrip("=")
    issuer = settings.OPD_FACILITY_NAME
    query = urlencode({"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": 6, "period": 30})
    return Secret(secret=secret, uri=f"otpauth://totp/{quote(issuer)}:{quote(user.username)}?{query}")


def confirm(*, user: User, code: str) -> list[str] | None:
    """Switch the second factor on if the app shows the right code; the recovery codes, shown once, or None."""
    with atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
        if device is None or not _verify(device, code):
            return None
        TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
        codes = _new_recovery_codes(user)
    note("second_factor_set_up", user=user.pk)
    return codes


def remove(*, user: User) -> None:
    """Let the user sign in without a second factor from now on."""
    _forget(user)
    note("second_factor_removed", user=user.pk)


def reset(*, user: User, by: str) -> None:
    """Remove another user's second factor, for example of a lost phone; `by` is the actor, who stands in the log."""
    _forget(user)
    note("second_factor_reset", user=user.pk, by=by)


def is_right(*, user: User, code: str) -> bool:
    """Whether this is the code of the moment, not used before, or a recovery code, which is then used up."""
    who = str(user.pk)
    if GUESSES.seconds_closed(who):
        return False
    with atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
        right = device is not None and (_verify(device, code) or _use_recovery_code(user.pk, code))
    if right:
        GUESSES.forget(who)
    else:
        GUESSES.count(who)
    return right


def recovery_codes_left(*, user: User) -> int:
    """How many recovery codes have not been used."""
    return RecoveryCode.objects.filter(user=user).count()


def _forget(user: User) -> None:
    with atomic():
        TOTPDevice.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()


def _verify(device: TOTPDevice, code: str) -> bool:
    if len(code) != device.digits or not (code.isascii() and code.isdigit()):
        return False
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = clock.now().timestamp()
    if not totp.verify(int(code), device.tolerance, device.last_t + 1):
        return False
    TOTPDevice.objects.filter(pk=device.pk).update(last_t=totp.t())
    return True


def _new_recovery_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, code_sha256=_hash(code)) for code in codes])
    return ["-".join((code[:4], code[4:8], code[8:12], code[12:])) for code in codes]


def _use_recovery_code(user_id: uuid.UUID, code: str) -> bool:
    plain = code.replace("-", "").replace(" ", "").lower()
    used, _ = RecoveryCode.objects.filter(user_id=user_id, code_sha256=_hash(plain)).delete()
    if used:
        note("recovery_code_used", user=user_id)
    return bool(used)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
