"""Views of sign-in, refresh, sign-out and the caller's account."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny, IsAuthenticated

from accounts.access.principal import principal_of
from accounts.api.serializers_auth import AccessSerializer, CredentialsSerializer, MeSerializer, RefreshSerializer
from accounts.audit.security_log import digest, log_event
from accounts.auth import cookies, second_factor, sessions
from accounts.auth.login import SecondFactorNeeded, SignInLocked, SignInRefused, sign_in
from accounts.models import User
from core.api.answers import Answer
from core.api.client_address import client_address
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.errors import NotAuthenticated, PermissionDenied


class OpenView(Endpoint):
    """A view without authentication, which ignores the Authorization header."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def get_authenticate_header(self, request: Any) -> str:
        """Return the value of WWW-Authenticate for a 401 response."""
        return 'Bearer realm="api"'


def sign_in_response(pair: sessions.TokenPair, status: int = 200, **more: Any) -> Answer:
    """Return the response to a sign-in, with the refresh token in the body or, if so configured, in the cookie."""
    if not settings.OPD_REFRESH_COOKIE:
        return Answer(status, {"access": pair.access, "refresh": pair.refresh, **more})
    return Answer(status, {"access": pair.access, "refresh": None, **more}, cookies.refresh_cookie(pair.refresh))


def tokens_for_password(request: ApiRequest, *, identifier: str, password: str, otp: str | None) -> sessions.TokenPair:
    """Open a session for a name and a password; raise the API error of a refused sign-in."""
    try:
        user = sign_in(identifier=identifier, password=password, otp=otp, address=client_address(request))
    except SecondFactorNeeded as error:
        raise NotAuthenticated("Send the code of the second factor as `otp`.", second_factor="needed") from error
    except SignInLocked as error:
        raise Throttled(wait=error.seconds) from error
    except SignInRefused as error:
        raise AuthenticationFailed from error
    return sessions.open_session(user=user, second_factor=second_factor.is_set_up(user=user))


class TokenView(OpenView):
    """POST auth/token/: exchange a user name (or e-mail address) and password for a pair of tokens."""

    @extend_schema(request=CredentialsSerializer, responses=AccessSerializer, tags=["Access"], auth=[])
    def post(self, request: ApiRequest) -> Answer:
        """Sign in"""
        form = CredentialsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        credentials = form.validated_data
        identifier = credentials.get("username") or credentials["email"]
        return sign_in_response(
            tokens_for_password(
                request, identifier=identifier, password=credentials["password"], otp=credentials.get("otp")
            )
        )


class RefreshView(OpenView):
    """POST auth/token/refresh/: exchange a refresh token for the next pair.

    After that, the same client gets the same pair again within 10 seconds; any other use of the token ends the session.
    """

    @extend_schema(request=RefreshSerializer, responses=AccessSerializer, tags=["Access"], auth=[])
    def post(self, request: ApiRequest) -> Answer:
        """Stay signed in"""
        try:
            return sign_in_response(sessions.refresh_session(raw=_refresh_of(request), client=client_of(request)))
        except sessions.SessionEnded as error:
            raise AuthenticationFailed("The refresh token is not valid or has expired.") from error


class LogoutView(OpenView):
    """POST auth/logout/: end the session of the refresh token."""

    @extend_schema(request=RefreshSerializer, responses={204: None}, tags=["Access"], auth=[])
    def post(self, request: ApiRequest) -> Answer:
        """Sign out"""
        try:
            sessions.end_session(raw=_refresh_of(request))
        except sessions.SessionEnded as error:
            raise AuthenticationFailed("The refresh token is not valid or has expired.") from error
        return Answer(204, headers=cookies.cleared_cookie())


class LogoutEverywhereView(Endpoint):
    """POST auth/logout/all/: end all sessions of the caller."""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=None, responses={204: None}, tags=["Access"])
    def post(self, request: ApiRequest) -> Answer:
        """Sign out everywhere"""
        principal = principal_of(request)
        if principal.kind != "user":
            raise PermissionDenied("An API key has no sessions.")
        sessions.end_all_sessions(user_id=principal.id)
        log_event("signed_out_everywhere", user=principal.id)
        return Answer(204, headers=cookies.cleared_cookie())


class MeView(Endpoint):
    """GET auth/me/: return the caller's account."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=MeSerializer, tags=["Access"])
    def get(self, request: ApiRequest) -> Answer:
        """Read my user"""
        if not isinstance(request.user, User):
            raise PermissionDenied("An API key has no user account.")
        return Answer(200, MeSerializer(request.user).data)


def client_of(request: ApiRequest) -> str:
    """Return a keyed hash of the address and the user agent, which identifies the client."""
    return digest("client", client_address(request), request.headers.get("User-Agent", ""))


def _refresh_of(request: ApiRequest) -> str:
    form = RefreshSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    return cookies.refresh_of(request, form.validated_data.get("refresh"))
