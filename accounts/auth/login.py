"""The one door for passwords, for the API and the admin site alike."""

from typing import Any

from django.contrib.auth.hashers import make_password

from accounts.audit.security_log import note
from accounts.auth import second_factor
from accounts.limits import lockout
from accounts.models import User

LONGEST_IDENTIFIER = 254
LONGEST_PASSWORD = 128


class SignInRefused(Exception):
    """The credentials are not those of an active user."""


class SecondFactorNeeded(SignInRefused):
    """The password is right, the code of the second factor is missing."""


class DoorLocked(SignInRefused):
    """Too many failures under this name or at this address (see lockout.py); `seconds` until it opens."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


def sign_in(*, identifier: Any, password: Any, address: str, otp: str | None = None) -> User:
    """Return the active user of these credentials, or raise SignInRefused.

    Unknown, wrong and inactive take the same work and get the same answer, whether the door is open or locked.
    """
    if not _is_text(identifier, LONGEST_IDENTIFIER) or not _is_text(password, LONGEST_PASSWORD):
        raise SignInRefused
    user = User.objects.find(identifier)
    door = lockout.Door.of(identifier=identifier, address=address)
    seconds = door.seconds_locked()
    if seconds and not door.is_open_to(user):  # before any password is hashed
        note("sign_in_while_locked", user=user.pk if user else "unknown")
        raise DoorLocked(seconds)
    right = _matches(user, password)
    if user is None or not right or not user.is_active or not _second_factor_is_right(user, otp):
        door.record_failure()
        note("sign_in_failed", user=user.pk if user else "unknown")
        raise DoorLocked(seconds) if seconds else SignInRefused
    door.forget_failures()
    lockout.remember_address(user=user, address=address)
    note("signed_in", user=user.pk)
    return user


def _second_factor_is_right(user: User, otp: str | None) -> bool:
    if not second_factor.is_set_up(user=user):
        return True
    if not otp:
        raise SecondFactorNeeded  # no failure: the caller could not know
    return second_factor.is_right(user=user, code=otp)


def _matches(user: User | None, password: str) -> bool:
    if user is None or not user.has_usable_password():
        make_password(password)  # as much work as for a user who exists
        return False
    return user.check_password(password)


def _is_text(value: Any, longest: int) -> bool:
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)
