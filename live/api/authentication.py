"""Authentication by the code of a tracking link, which is part of the path."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication

from accounts.access.principal import Principal
from live.links import token_of


class LinkAuthentication(BaseAuthentication):
    """Authenticate the holder of a tracking link. The token is then `request.token`.

    Other credentials of the request are ignored. An unknown, expired or revoked code is not found.
    """

    def authenticate(self, request: Any) -> tuple[AnonymousUser, Principal]:
        """Return the principal of the link; raise NotFound (404)."""
        link_id, request.token = token_of(request.resolver_match.kwargs["code"])
        return AnonymousUser(), Principal(kind="link", id=link_id, own_facility_id=request.token.facility_id)

    def authenticate_header(self, request: Any) -> str:
        """Return the value of WWW-Authenticate in a 401 response."""
        return 'Bearer realm="api"'
