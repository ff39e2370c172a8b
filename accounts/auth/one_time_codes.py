"""Six digits by e-mail: kept as a keyed hash, good for ten minutes and one use.

Several codes of one address may be good at once, so asking for another one kills none. Guesses are counted in the
database, before the code is looked at: five by one sender until they ask for a new code, and ten an hour for the
account as a whole; a sender at an address that is known for the user has ten an hour apart from these. Guesses count
only while the account has a good code. Addresses with and without an account are treated alike throughout.
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

GOOD_FOR = timedelta(minutes=10)
_ISSUED = Limit("codes", 10)
_TRIES = Limit("code-tries", 5, GOOD_FOR)
_GUESSES = Limit("code-guesses", 10, timedelta(hours=1))


def new_code(
    *, purpose: OneTimeCode.Purpose, address: str, sender: str, details: dict[str, Any] | None = None
) -> str | None:
    """Make a code beside those of this address that are still good; None if too many were asked for."""
    key, now = identity_key(address), clock.now()
    if _ISSUED.count(purpose, key) > _ISSUED.tries:
        return None
    _TRIES.forget(purpose, key, network_of(sender))
    good = OneTimeCode.objects.filter(purpose=purpose, address=key, expires_at__gt=now)
    used = set(good.values_list("code_hash", flat=True))
    while (code_hash := _hash(purpose, key, code := f"{secrets.randbelow(10**6):06d}")) in used:
        pass
    OneTimeCode.objects.create(
        purpose=purpose, address=key, code_hash=code_hash, expires_at=now + GOOD_FOR, details=details or {}
    )
    return code


def find_code(
    *, purpose: OneTimeCode.Purpose, address: str, code: str, sender: str, user: User | None = None
) -> OneTimeCode:
    """Count one guess by this sender (a client address) and return the code's row; WrongCode if it is not good.

    `user` is the user whom the code lets in, if there is one.
    """
    key = identity_key(address)
    good = OneTimeCode.objects.filter(purpose=purpose, address=key, expires_at__gt=clock.now())
    # Guesses without a good code are counted elsewhere, so that they take the same work.
    counted = [purpose, key] if good.exists() else [purpose, key, "no code"]
    network = network_of(sender)
    own = [network] if lockout.is_known(user=user, address=sender) else []
    if _TRIES.count(*counted, network) > _TRIES.tries or _GUESSES.count(*counted, *own) > _GUESSES.tries:
        raise WrongCode
    row = good.filter(code_hash=_hash(purpose, key, code)).first()
    if row is None:
        raise WrongCode
    return row


def spend(row: OneTimeCode) -> None:
    """Use a code up, and with it the others of its purpose and address; WrongCode if that was done meanwhile."""
    with atomic():
        same = OneTimeCode.objects.filter(purpose=row.purpose, address=row.address)
        ids = list(same.select_for_update().order_by("pk").values_list("pk", flat=True))
        if row.pk not in ids:
            raise WrongCode
        OneTimeCode.objects.filter(pk__in=ids).delete()


def delete_expired_codes() -> int:
    """Remove codes that are past their time, and the details that came with them; returns how many."""
    return OneTimeCode.objects.filter(expires_at__lt=clock.now()).delete()[0]


def _hash(purpose: str, key: str, code: str) -> str:
    return digest("code", purpose, key, code)
