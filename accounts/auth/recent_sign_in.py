"""Proof of identity for acts that would outlast a stolen access token: changing how somebody signs in, making keys."""

from datetime import timedelta
from typing import Any

from rest_framework.exceptions import ValidationError

from accounts.access.principal import principal_of
from accounts.access.roles import Role
from accounts.audit.security_log import note
from accounts.limits import lockout
from accounts.models import User
from core import clock
from core.api.client_address import client_address
from core.api.request import ApiRequest
from core.errors import PermissionDenied

RECENT = timedelta(minutes=15)
"""How long after a sign-in an administrator may do what hands out access. A refresh does not start it anew."""

_CREDENTIALS = ("username", "email", "password")
_STANDING = ("role", "is_active")


def demand_password(request: ApiRequest, *, user: User, password: str) -> None:
    """Check the caller's own password; 400 `wrong-password` if it is wrong.

    Five wrong ones at one address close this check there for a quarter of an hour, to the right password as well.
    """
    door = lockout.Door.of(user=user, address=client_address(request))
    if door.seconds_locked() or not user.check_password(password):
        door.record_failure()
        note("own_password_refused", user=user.pk)
        raise ValidationError({"password": "This is not your password."}, code="wrong-password")


def demand_recent_sign_in(request: Any) -> None:
    """Refuse the request (403) unless the caller signed in with a password within RECENT."""
    principal = principal_of(request)
    if principal.signed_in_at is None or clock.now() - principal.signed_in_at > RECENT:
        note("old_sign_in_refused", who=principal.actor)
        minutes = int(RECENT.total_seconds() // 60)
        raise PermissionDenied(f"Sign in again: this needs a sign-in of the last {minutes} minutes.")


def demand_recent_sign_in_to_change(request: Any, *, user: User, changes: dict[str, Any]) -> None:
    """Demand a recent sign-in for changing how anybody signs in, or the standing of an administrator."""
    changed = {name for name in changes if name == "password" or changes[name] != getattr(user, name, None)}
    of_an_administrator = Role.ADMIN in (user.role, changes.get("role"))
    if changed.intersection(_CREDENTIALS) or (of_an_administrator and changed.intersection(_STANDING)):
        demand_recent_sign_in(request)


def demand_recent_sign_in_for_administrator(request: Any, *, role: str) -> None:
    """Demand a recent sign-in for making or removing a user of this role, if it is ADMIN."""
    if role == Role.ADMIN:
        demand_recent_sign_in(request)
