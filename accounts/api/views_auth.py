"""Signing in, staying signed in, signing out, and who one is."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny, IsAuthenticated

from accounts.access.principal import principal_of
from accounts.api.serializers_auth import AccessSerializer, CredentialsSerializer, MeSerializer, RefreshSerializer
from accounts.audit.security_log import digest, note
from accounts.auth import cookies, second_factor, sessions
from accounts.auth.login import DoorLocked, SecondFactorNeeded, SignInRefused, sign_in
from accounts.models import User
from core.api.answers import Answer
from core.api.client_address import client_address
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.errors import NotAuthenticated, PermissionDenied


class OpenView(Endpoint):
    """A view for people who have not signed in yet; what they send in Authorization is not looked at."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def get_authenticate_header(self, request: Any) -> str:
        """The challenge that a 401 carries although no credentials were asked for."""
        return 'Bearer realm="api"'


def signed_in(pair: sessions.Pair, status: int = 200, **more: Any) -> Answer:
    """The answer to a successful sign-in; the refresh token goes into the cookie where the hospital wants that."""
    if not settings.OPD_REFRESH_COOKIE:
        return Answer(status, {"access": pair.access, "refresh": pair.refresh, **more})
    return Answer(status, {"access": pair.access, "refresh": None, **more}, cookies.refresh_cookie(pair.refresh))


def pair_for_password(request: ApiRequest, *, identifier: str, password: str, otp: str | None) -> sessions.Pair:
    """Open a session for a name and a password, or raise the refusal that the caller is answered with."""
    try:
        user = sign_in(identifier=identifier, password=password, otp=otp, address=client_address(request))
    except SecondFactorNeeded as error:
        raise NotAuthenticated("Send the code of the second factor as `otp`.", second_factor="needed") from error
    except DoorLocked as error:
        raise Throttled(wait=error.seconds) from error
    except SignInRefused as error:
        raise AuthenticationFailed from error
    return sessions.open_session(user=user, second_factor=second_factor.is_set_up(user=user))


class TokenView(OpenView):
    """POST auth/token/: user name (or e-mail) and password for a pair of tokens."""

    @extend_schema(request=CredentialsSerializer, responses=AccessSerializer, tags=["Access"], auth=[])
    def post(self, request: ApiRequest) -> Answer:
        """Sign in"""
        form = CredentialsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        identifier = given.get("username") or given["email"]
        return signed_in(
            pair_for_password(request, identifier=identifier, password=given["password"], otp=given.get("otp"))
        )


class RefreshView(OpenView):
    """POST auth/token/refresh/: the next pair for a refresh token.

    The token is then spent: the same client gets the same pair again within 10 seconds; any other use ends the session.
    """

    @extend_schema(request=RefreshSerializer, responses=AccessSerializer, tags=["Access"], auth=[])
    def post(self, request: ApiRequest) -> Answer:
        """Stay signed in"""
        try:
            return signed_in(sessions.refresh_session(raw=_refresh_of(request), client=client_of(request)))
        except sessions.SessionOver as error:
            raise AuthenticationFailed("The refresh token is not valid, or no longer.") from error


class LogoutView(OpenView):
    """POST auth/logout/: the refresh token, and the session with it, is dead."""

    @extend_schema(request=RefreshSerializer, responses={204: None}, tags=["Access"], auth=[])
    def post(self, request: ApiRequest) -> Answer:
        """Sign out"""
        try:
            sessions.end_session(raw=_refresh_of(request))
        except sessions.SessionOver as error:
            raise AuthenticationFailed("The refresh token is not valid, or no longer.") from error
        return Answer(204, headers=cookies.cleared_cookie())


class LogoutEverywhereView(Endpoint):
    """POST auth/logout/all/: every session of the caller ends, on every device."""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=None, responses={204: None}, tags=["Access"])
    def post(self, request: ApiRequest) -> Answer:
        """Sign out everywhere"""
        principal = principal_of(request)
        if principal.kind == "user":
            sessions.end_all_sessions(user_id=principal.id)
            note("signed_out_everywhere", user=principal.id)
        return Answer(204, headers=cookies.cleared_cookie())


class MeView(Endpoint):
    """GET auth/me/: who the caller is."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=MeSerializer, tags=["Access"])
    def get(self, request: ApiRequest) -> Answer:
        """Who am I"""
        if not isinstance(request.user, User):
            raise PermissionDenied("A key is no person.")
        return Answer(200, MeSerializer(request.user).data)


def client_of(request: ApiRequest) -> str:
    """What tells clients apart: the address and the user agent, as a keyed hash."""
    return digest("client", client_address(request), request.headers.get("User-Agent", ""))


def _refresh_of(request: ApiRequest) -> str:
    form = RefreshSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    return cookies.refresh_of(request, form.validated_data.get("refresh"))
