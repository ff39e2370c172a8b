"""Sign-in for OAuth 2.0 clients (RFC 6749, sections 4.3 and 6), such as the dialog of Swagger UI.

The limits, the second factor and the sessions are those of auth/token/; only the form of the request differs.
"""

import base64
import binascii
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.parsers import FormParser

from accounts.api.views_auth import OpenView, client_of, tokens_for_password
from accounts.auth import cookies, sessions
from accounts.auth.jwt import AccessToken
from accounts.auth.login import MAX_IDENTIFIER_LENGTH, MAX_PASSWORD_LENGTH
from core.api.answers import Answer
from core.api.request import ApiRequest
from core.api.serializers import StrictCharField
from core.errors import NotAuthenticated, PermissionDenied

PASSWORD, REFRESH = "password", "refresh_token"


_DESK = {"grant_type": PASSWORD, "username": "desk", "password": "quiet-harbour-42"}


@extend_schema_serializer(examples=[OpenApiExample("Desk", _DESK, request_only=True)])
class OAuthGrantSerializer(serializers.Serializer[Any]):
    """A grant of OAuth 2.0. Unknown parameters are ignored, as its section 3.2 requires."""

    grant_type = serializers.ChoiceField(choices=[PASSWORD, REFRESH])
    username = StrictCharField(
        max_length=MAX_IDENTIFIER_LENGTH, required=False, help_text="With `password`: the user name or e-mail address."
    )
    password = StrictCharField(max_length=MAX_PASSWORD_LENGTH, required=False, trim_whitespace=False)
    otp = StrictCharField(max_length=32, required=False, allow_blank=True, help_text="The code of the second factor.")
    client_secret = StrictCharField(
        max_length=32,
        required=False,
        allow_blank=True,
        help_text="In place of `otp`, if there is no field for it.",
    )
    refresh_token = StrictCharField(max_length=4096, required=False, help_text="With `refresh_token`.")

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """Require the parameters of the grant type."""
        needed = ["username", "password"] if attrs["grant_type"] == PASSWORD else ["refresh_token"]
        if missing := [name for name in needed if name not in attrs]:
            raise serializers.ValidationError(dict.fromkeys(missing, "This field is required."), code="required")
        return attrs


class OAuthTokensSerializer(serializers.Serializer[Any]):
    """The tokens of a session, with the names of OAuth 2.0."""

    access_token = serializers.CharField()
    token_type = serializers.CharField(help_text="Bearer")
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")
    refresh_token = serializers.CharField(required=False, help_text="Absent if it is sent in a cookie.")

    class Meta:
        example = {
            "access_token": "eyJhbGciOi...",
            "token_type": "Bearer",
            "expires_in": 900,
            "refresh_token": "eyJh...",
        }


class OAuthTokenView(OpenView):
    """POST auth/oauth/token/"""

    parser_classes = [FormParser]

    @extend_schema(
        operation_id="auth_oauth_token",
        request=OAuthGrantSerializer,
        responses=OAuthTokensSerializer,
        tags=["Access"],
        auth=[],
        description=(
            "For OAuth 2.0 clients; other programs use `auth/token/`. Pages of other origins are "
            "refused. A refused grant answers 401, with OAuth's `error` beside the members of a problem."
        ),
    )
    def post(self, request: ApiRequest) -> Answer:
        """Sign in or refresh a session by OAuth 2.0"""
        _refuse_other_origins(request)
        form = OAuthGrantSerializer(data=request.form)
        form.is_valid(raise_exception=True)
        try:
            pair = self._pair(request, form.validated_data)
        except (AuthenticationFailed, sessions.SessionEnded) as error:
            raise _invalid_grant("The credentials are not valid.") from error
        except NotAuthenticated as error:
            raise _invalid_grant("The code of the second factor is missing.", **error.facts) from error
        tokens = {"access_token": pair.access, "token_type": "Bearer", "expires_in": _lifetime()}
        if settings.OPD_REFRESH_COOKIE:
            return Answer(200, tokens, cookies.refresh_cookie(pair.refresh))
        return Answer(200, {**tokens, "refresh_token": pair.refresh})

    @staticmethod
    def _pair(request: ApiRequest, grant: dict[str, str]) -> sessions.TokenPair:
        if grant["grant_type"] == REFRESH:
            return sessions.refresh_session(raw=grant["refresh_token"], client=client_of(request))
        otp = grant.get("otp") or grant.get("client_secret") or _basic_secret(request)
        return tokens_for_password(request, identifier=grant["username"], password=grant["password"], otp=otp or None)


def _invalid_grant(detail: str, **facts: Any) -> NotAuthenticated:
    return NotAuthenticated(detail, error="invalid_grant", error_description=detail, **facts)


def _lifetime() -> int:
    return int(AccessToken.lifetime.total_seconds())


def _refuse_other_origins(request: ApiRequest) -> None:
    """Refuse requests of pages of another origin: unlike JSON, browsers send forms without a CORS preflight."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.get_host():
        raise PermissionDenied("Pages of other origins may not use this form.")


def _basic_secret(request: ApiRequest) -> str:
    """Return the secret of `Authorization: Basic`, where OAuth 2.0 clients may send it; empty without one."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
