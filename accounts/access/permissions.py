"""The permission class of the API, which looks up the view's capability in the permission table."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission

from accounts.access.permission_table import Reach, reach
from accounts.access.principal import principal_of
from accounts.audit.security_log import log_event
from accounts.auth import second_factor
from core.api.request import ApiRequest


def capability_of(view: Any, method: str) -> str | None:
    """Return the capability that the view requires for its action or for the HTTP method; None if it declares none."""
    capabilities: dict[str, str] | None = getattr(view, "capabilities", None)
    if capabilities:
        method = "GET" if method == "HEAD" else method
        named = capabilities.get(getattr(view, "action", None) or "") or capabilities.get(method)
        if named:
            return named
    return getattr(view, "capability", None)


def reach_of(request: ApiRequest, view: Any) -> Reach:
    """Return the caller's reach for the capability that the view requires in this request."""
    capability = capability_of(view, request.method or "")
    return Reach.NONE if capability is None else reach(principal_of(request), capability)


class HasCapability(BasePermission):
    """Allow what the permission table allows. A view that declares no capability refuses every caller."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """Return whether the caller's reach is OWN or ALL; if not, the response is 403, or 401 without credentials."""
        if request.auth is None:
            return False
        if request.method == "OPTIONS" or (request.method or "").lower() not in _methods_of(view):
            return True  # the view runs no handler: the response describes the view, or is 405
        principal = principal_of(request)
        if second_factor.is_required_for(role=principal.role) and not principal.second_factor:
            raise PermissionDenied(
                "The hospital requires a second factor: set one up at auth/mfa/ and sign in with it."
            )
        if reach_of(request, view) is Reach.NONE:
            capability = capability_of(view, request.method or "")
            log_event("refused", who=principal.actor, capability=capability or "none")
            return False
        return True


def _methods_of(view: Any) -> set[str]:
    return {name for name in view.http_method_names if hasattr(view, name)}
