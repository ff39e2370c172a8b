"""The one permission class of the API: it looks the view's capability up in the matrix."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission

from accounts.access.permission_table import Reach, reach
from accounts.access.principal import Principal, principal_of
from accounts.audit.security_log import note
from accounts.auth import second_factor
from core.api.request import ApiRequest


def capability_of(view: Any, method: str) -> str | None:
    """The capability that a view asks for in this request, by action or by HTTP method; None if it names none."""
    capabilities: dict[str, str] | None = getattr(view, "capabilities", None)
    if capabilities:
        method = "GET" if method == "HEAD" else method
        named = capabilities.get(getattr(view, "action", None) or "") or capabilities.get(method)
        if named:
            return named
    return getattr(view, "capability", None)


def reach_of(request: ApiRequest, view: Any) -> Reach:
    """How far the caller of this request may reach in this view: ALL, OWN or NONE."""
    capability = capability_of(view, request.method or "")
    return Reach.NONE if capability is None else reach(principal_of(request), capability)


def reach_as_signed_in(principal: Principal, capability: str) -> Reach:
    """How far the caller, as they are signed in, may use the capability: nowhere while a second factor is missing."""
    lacks_factor = second_factor.is_demanded_of(role=principal.role) and not principal.second_factor
    return Reach.NONE if lacks_factor else reach(principal, capability)


def may_for_everybody(principal: Principal, capability: str) -> bool:
    """Whether the caller, as they are signed in, may use the capability on whatever there is."""
    return reach_as_signed_in(principal, capability) is Reach.ALL


class Allowed(BasePermission):
    """Let in whom the matrix lets in. A view that names no capability is closed to everybody."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """True when the caller's reach is OWN or ALL; 401 without credentials, 403 with a reach of NONE."""
        if request.auth is None:
            return False
        if request.method == "OPTIONS" or (request.method or "").lower() not in _methods_of(view):
            return True  # nothing is done: an answer about the view itself, or 405
        principal = principal_of(request)
        if second_factor.is_demanded_of(role=principal.role) and not principal.second_factor:
            raise PermissionDenied("The hospital wants a second factor: set one up at auth/mfa/ and sign in with it.")
        if reach_of(request, view) is Reach.NONE:
            capability = capability_of(view, request.method or "")
            note("refused", who=principal.actor, capability=capability or "none")
            return False
        return True


def _methods_of(view: Any) -> set[str]:
    return {name for name in view.http_method_names if hasattr(view, name)}
