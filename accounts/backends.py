"""The one door for passwords, for the API and the admin site alike."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.db.models import Q

from accounts import lockout
from accounts.models import User
from accounts.security_log import note
from core.client_address import client_address

LONGEST_IDENTIFIER = 254
LONGEST_PASSWORD = 128


class PasswordBackend:
    """Recognises a user by user name or e-mail and password; too many failures close the door for that pair for a while."""

    def authenticate(self, request: Any, username: Any = None, password: Any = None, **_: Any) -> User | None:
        """The active user of these credentials, or None; unknown, wrong, inactive and locked take the same work."""
        if not _is_text(username, LONGEST_IDENTIFIER) or not _is_text(password, LONGEST_PASSWORD):
            return None
        user = find_user(identifier=username)
        door = lockout.Door.of(user=user, identifier=username, address=client_address(request))
        right = _matches(user, password)
        if door.seconds_locked():
            note("sign_in_while_locked", user=user.pk if user else "unknown")
            return None
        if user is None or not right or not user.is_active:
            door.record_failure()
            note("sign_in_failed", user=user.pk if user else "unknown")
            return None
        door.forget_failures()
        return user

    def get_user(self, user_id: Any) -> User | None:
        """The active user of an admin session."""
        return User.objects.filter(pk=user_id, is_active=True).first()


def find_user(*, identifier: str) -> User | None:
    """The user with this name or, if nobody has that name, with this e-mail address; capitals don't matter."""
    identifier = identifier.strip()
    if not identifier:
        return None
    found = list(User.objects.filter(Q(username__iexact=identifier) | Q(email__iexact=identifier))[:2])
    found.sort(key=lambda user: user.username.casefold() != identifier.casefold())
    return found[0] if found else None


def _is_text(value: Any, longest: int) -> bool:
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _matches(user: User | None, password: str) -> bool:
    if user is None or not user.has_usable_password():
        make_password(password)  # as much work as for a user who exists
        return False
    return user.check_password(password)
