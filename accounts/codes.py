"""Six digits by e-mail: stored as a password hash, good for ten minutes, five tries and one use."""

import secrets
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.db.models import F

from accounts.errors import WrongCode
from accounts.models import OneTimeCode
from core import clock
from core.normal_form import identity_key
from core.transactions import atomic

GOOD_FOR = timedelta(minutes=10)
TRIES = 5


def new_code(*, purpose: OneTimeCode.Purpose, address: str, details: dict[str, Any] | None = None) -> str:
    """Make a code for this address, in place of any earlier one of the same purpose; only its hash is kept."""
    code = f"{secrets.randbelow(10**6):06d}"
    fresh = {
        "code_hash": make_password(code),
        "tries": 0,
        "expires_at": clock.now() + GOOD_FOR,
        "details": details or {},
    }
    OneTimeCode.objects.update_or_create(purpose=purpose, address=identity_key(address), defaults=fresh)
    return code


def use_code(*, purpose: OneTimeCode.Purpose, address: str, code: str) -> dict[str, Any]:
    """Use a code up and return the details kept with it; WrongCode, after the same work, for any other."""
    now = clock.now()
    mine = OneTimeCode.objects.filter(purpose=purpose, address=identity_key(address))
    # The try is counted before the code is looked at: guesses made at the same moment can't share one.
    counted = mine.filter(tries__lt=TRIES, expires_at__gt=now).update(tries=F("tries") + 1)
    row = mine.first() if counted else None
    if row is None:
        make_password(code)
        raise WrongCode
    if not check_password(code, row.code_hash):
        raise WrongCode
    with atomic():
        used, _ = OneTimeCode.objects.filter(pk=row.pk, code_hash=row.code_hash).delete()
    if not used:
        raise WrongCode
    return dict(row.details)


def delete_expired_codes() -> int:
    """Remove codes that are past their time, and the details that came with them; returns how many."""
    return OneTimeCode.objects.filter(expires_at__lt=clock.now()).delete()[0]
