"""Proof of identity for changes of credentials and for new keys, whose effect would outlast a stolen access token."""

from datetime import timedelta
from typing import Any

from rest_framework.exceptions import ValidationError

from accounts.access.principal import principal_of
from accounts.access.roles import Role
from accounts.audit.security_log import log_event
from accounts.limits import lockout
from accounts.models import User
from core import clock
from core.api.client_address import client_address
from core.api.request import ApiRequest
from core.errors import PermissionDenied

RECENT = timedelta(minutes=15)
"""How long after a sign-in an administrator may grant access. A refresh does not extend the time."""

_CREDENTIALS = ("username", "email", "password")
_ROLE_FIELDS = ("role", "is_active")


def require_password(request: ApiRequest, *, user: User, password: str) -> None:
    """Check the caller's own password; raise ValidationError (400, `wrong-password`) if it is wrong.

    After five wrong passwords from one address, the check refuses every password from there for 15 minutes.
    """
    key = lockout.SignInKey.of(user=user, address=client_address(request))
    # Checked again after the password was hashed, because parallel attempts may have reached the limit meanwhile.
    if key.seconds_locked() or not user.check_password(password) or key.seconds_locked():
        key.record_failure()
        log_event("own_password_refused", user=user.pk)
        raise ValidationError({"password": "This is not your password."}, code="wrong-password")


def require_recent_sign_in(request: Any) -> None:
    """Raise PermissionDenied (403) unless the caller signed in with a password within RECENT."""
    principal = principal_of(request)
    if principal.signed_in_at is None or clock.now() - principal.signed_in_at > RECENT:
        log_event("old_sign_in_refused", who=principal.actor)
        minutes = int(RECENT.total_seconds() // 60)
        raise PermissionDenied(f"Sign in again: this needs a sign-in of the last {minutes} minutes.")


def require_recent_sign_in_to_change(request: Any, *, user: User, changes: dict[str, Any]) -> None:
    """Require a recent sign-in for changes of a user's credentials, or of an administrator's role or is_active."""
    changed = {name for name in changes if name == "password" or changes[name] != getattr(user, name, None)}
    of_an_administrator = Role.ADMIN in (user.role, changes.get("role"))
    if changed.intersection(_CREDENTIALS) or (of_an_administrator and changed.intersection(_ROLE_FIELDS)):
        require_recent_sign_in(request)


def require_recent_sign_in_for_administrator(request: Any, *, role: str) -> None:
    """Require a recent sign-in for creating or deleting a user of this role, if it is ADMIN."""
    if role == Role.ADMIN:
        require_recent_sign_in(request)
