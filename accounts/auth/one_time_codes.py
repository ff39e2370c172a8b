"""One-time codes: six digits sent by e-mail, stored as a keyed hash, valid for ten minutes and one use.

An address may have several valid codes: a new code does not invalidate the earlier ones. An address gets five codes in
ten minutes for a sender, and ten for all senders together; a sender at a known address of the user has a separate
count. These limits last as long as a code is valid, so that an address which gets no further code has one.

Guesses are counted in the database before the code is checked: five for a sender until it requests a new code, and ten
per hour for the account. A sender at a known address of the user has a separate count of ten per hour. Guesses count
only while the account has a valid code. Addresses with and without an account are handled in the same way.
"""

import secrets
from datetime import timedelta
from typing import Any

from accounts.audit.security_log import digest
from accounts.errors import WrongCode
from accounts.limits import lockout
from accounts.limits.attempts import Limit
from accounts.models import OneTimeCode, User
from core import clock
from core.api.client_address import network_of
from core.db.transactions import atomic
from core.normal_form import identity_key

CODE_LIFETIME = timedelta(minutes=10)
_CODES_PER_SENDER = Limit("codes-sender", 5, CODE_LIFETIME)
_CODES_PER_ADDRESS = Limit("codes", 10, CODE_LIFETIME)
_GUESSES_PER_SENDER = Limit("code-tries", 5, CODE_LIFETIME)
_GUESSES_PER_ACCOUNT = Limit("code-guesses", 10, timedelta(hours=1))


def new_code(
    *,
    purpose: OneTimeCode.Purpose,
    address: str,
    sender: str,
    user: User | None = None,
    details: dict[str, Any] | None = None,
) -> str | None:
    """Create a code; the address keeps its other valid codes. Return None if too many codes were requested.

    `user` is the user whom the code will authenticate, if there is one.
    """
    key, network, now = identity_key(address), network_of(sender), clock.now()
    own = [network] if lockout.is_known(user=user, address=sender) else []
    if (
        _CODES_PER_SENDER.count(purpose, key, network) > _CODES_PER_SENDER.max_attempts
        or _CODES_PER_ADDRESS.count(purpose, key, *own) > _CODES_PER_ADDRESS.max_attempts
    ):
        return None
    _GUESSES_PER_SENDER.clear(purpose, key, network)
    valid_codes = OneTimeCode.objects.filter(purpose=purpose, address=key, expires_at__gt=now)
    used = set(valid_codes.values_list("code_hash", flat=True))
    while (code_hash := _hash(purpose, key, code := f"{secrets.randbelow(10**6):06d}")) in used:
        pass
    OneTimeCode.objects.create(
        purpose=purpose, address=key, code_hash=code_hash, expires_at=now + CODE_LIFETIME, details=details or {}
    )
    return code


def find_code(
    *, purpose: OneTimeCode.Purpose, address: str, code: str, sender: str, user: User | None = None
) -> OneTimeCode:
    """Count a guess by this sender (a client address) and return the row of the code; raise WrongCode if it is invalid.

    `user` is the user whom the code authenticates, if there is one.
    """
    key = identity_key(address)
    valid_codes = OneTimeCode.objects.filter(purpose=purpose, address=key, expires_at__gt=clock.now())
    # Guesses without a valid code are counted under another key, so that they take the same time.
    guess_key = [purpose, key] if valid_codes.exists() else [purpose, key, "no code"]
    network = network_of(sender)
    own = [network] if lockout.is_known(user=user, address=sender) else []
    if (
        _GUESSES_PER_SENDER.count(*guess_key, network) > _GUESSES_PER_SENDER.max_attempts
        or _GUESSES_PER_ACCOUNT.count(*guess_key, *own) > _GUESSES_PER_ACCOUNT.max_attempts
    ):
        raise WrongCode
    row = valid_codes.filter(code_hash=_hash(purpose, key, code)).first()
    if row is None:
        raise WrongCode
    return row


def consume(row: OneTimeCode) -> None:
    """Delete a code and the others of its purpose and address; raise WrongCode if another request already did."""
    with atomic():
        same = OneTimeCode.objects.filter(purpose=row.purpose, address=row.address)
        ids = list(same.select_for_update().order_by("pk").values_list("pk", flat=True))
        if row.pk not in ids:
            raise WrongCode
        OneTimeCode.objects.filter(pk__in=ids).delete()


def delete_expired_codes() -> int:
    """Delete expired codes with their details; return the number of rows."""
    return OneTimeCode.objects.filter(expires_at__lt=clock.now()).delete()[0]


def _hash(purpose: str, key: str, code: str) -> str:
    return digest("code", purpose, key, code)
