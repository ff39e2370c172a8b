"""Sign-in by password, for the API and the admin site."""

from typing import Any, NoReturn

from django.contrib.auth.hashers import make_password

from accounts.audit.security_log import log_event
from accounts.auth import second_factor
from accounts.limits import lockout
from accounts.models import User

MAX_IDENTIFIER_LENGTH = 254
MAX_PASSWORD_LENGTH = 128


class SignInRefused(Exception):
    """The credentials are not those of an active user."""


class SecondFactorNeeded(SignInRefused):
    """The password is correct, but the code of the second factor is missing."""


class SignInLocked(SignInRefused):
    """There were too many failures for this name or address (see lockout.py); locked for `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


def sign_in(*, identifier: Any, password: Any, address: str, otp: str | None = None) -> User:
    """Return the active user with these credentials, or raise SignInRefused.

    An unknown name, a wrong password and an inactive user take the same time and get the same response, locked or not.
    """
    if not _is_text(identifier, MAX_IDENTIFIER_LENGTH) or not _is_text(password, MAX_PASSWORD_LENGTH):
        raise SignInRefused
    user = User.objects.find(identifier)
    key = lockout.SignInKey.of(identifier=identifier, address=address)
    seconds = key.seconds_locked()
    if seconds and not key.exempts(user):  # before any password is hashed
        _refuse_locked(user, seconds)
    right = _check_password(user, password)
    # Other attempts may have failed while this password was hashed: a lock must also hold for parallel attempts.
    now_seconds = key.seconds_locked()
    if now_seconds and not key.exempts(user):
        _refuse_locked(user, now_seconds)
    if user is None or not right or not user.is_active or not _passes_second_factor(user, otp):
        key.record_failure()
        log_event("sign_in_failed", user=user.pk if user else "unknown")
        raise SignInLocked(seconds) if seconds else SignInRefused
    key.clear_failures()
    lockout.remember_address(user=user, address=address)
    log_event("signed_in", user=user.pk)
    return user


def _refuse_locked(user: User | None, seconds: int) -> NoReturn:
    log_event("sign_in_while_locked", user=user.pk if user else "unknown")
    raise SignInLocked(seconds)


def _passes_second_factor(user: User, otp: str | None) -> bool:
    if not second_factor.is_set_up(user=user):
        return True
    if not otp:
        raise SecondFactorNeeded  # not counted as a failure: the caller could not know that a code is needed
    return second_factor.verify_code(user=user, code=otp)


def _check_password(user: User | None, password: str) -> bool:
    if user is None or not user.has_usable_password():
        make_password(password)  # takes as long as for an existing user
        return False
    return user.check_password(password)


def _is_text(value: Any, longest: int) -> bool:
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)
