"""Views of the caller's second factor."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated

from accounts.api.serializers_people import OwnPasswordSerializer
from accounts.api.views_auth import sign_in_response
from accounts.auth import recent_sign_in, second_factor, sessions
from accounts.errors import WrongCode
from accounts.limits.attempts import Limit
from accounts.models import User
from core.api.answers import Answer
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.api.serializers import StrictCharField, StrictSerializer
from core.errors import PermissionDenied, Throttled

_CONFIRMATIONS = Limit("second-factor-confirmation", 20)


_SHOW_CODE = OpenApiExample("Code of the app", {"otp": "314159"}, request_only=True)


@extend_schema_serializer(examples=[_SHOW_CODE])
class OtpSerializer(StrictSerializer):
    """The code of the app or (except in setup) a recovery code."""

    otp = StrictCharField(max_length=32)


_STATE = inline_serializer(
    "SecondFactor",
    {
        "enabled": serializers.BooleanField(),
        "required": serializers.BooleanField(help_text="Whether the hospital requires it."),
        "recovery_codes_left": serializers.IntegerField(),
    },
)
_SECRET = inline_serializer("SecondFactorSecret", {"secret": serializers.CharField(), "uri": serializers.CharField()})
_CONFIRMED = inline_serializer(
    "SecondFactorConfirmed",
    {
        "access": serializers.CharField(),
        "refresh": serializers.CharField(allow_null=True),
        "recovery_codes": serializers.ListField(child=serializers.CharField(), help_text="Shown only once."),
    },
)

_SHOW_STATE = OpenApiExample(
    "Set up", {"enabled": True, "required": False, "recovery_codes_left": 10}, response_only=True
)
_GIVE_PASSWORD = OpenApiExample("Password", {"password": "quiet-harbour-42"}, request_only=True)
_SHOW_SECRET = OpenApiExample(
    "For the app",
    {"secret": "JBSWY3DPEHPK3PXP", "uri": "otpauth://totp/OPD:desk?secret=JBSWY3DPEHPK3PXP"},
    response_only=True,
    status_codes=["201"],
)
_SHOW_CONFIRMED = OpenApiExample(
    "Switched on",
    {"access": "eyJ...", "refresh": "eyJ...", "recovery_codes": ["k5qx-7m2r-d4tw-9hva"]},
    response_only=True,
)


class _MfaView(Endpoint):
    permission_classes = [IsAuthenticated]

    def user_of(self, request: ApiRequest) -> User:
        """Return the caller; raise PermissionDenied (403) for an API key."""
        if not isinstance(request.user, User):
            raise PermissionDenied("A key has no second factor.")
        return request.user

    def code_of(self, request: ApiRequest) -> str:
        """Return the code in the request."""
        form = OtpSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return str(form.validated_data["otp"])


class MfaView(_MfaView):
    """auth/mfa/"""

    @extend_schema(responses=_STATE, tags=["Access"], examples=[_SHOW_STATE])
    def get(self, request: ApiRequest) -> Answer:
        """Read the state of my second factor"""
        user = self.user_of(request)
        return Answer(
            200,
            {
                "enabled": second_factor.is_set_up(user=user),
                "required": second_factor.is_required_for(role=user.role),
                "recovery_codes_left": second_factor.recovery_codes_left(user=user),
            },
        )

    @extend_schema(request=OtpSerializer, responses={204: None}, tags=["Access"])
    def delete(self, request: ApiRequest) -> Answer:
        """Remove the second factor; requires a code"""
        user = self.user_of(request)
        if second_factor.is_required_for(role=user.role):
            raise PermissionDenied("The hospital requires a second factor of its staff.")
        if not second_factor.verify_code(user=user, code=self.code_of(request)):
            raise WrongCode
        second_factor.remove(user=user)
        return Answer(204)


class MfaSetupView(_MfaView):
    """auth/mfa/setup/"""

    @extend_schema(
        request=OwnPasswordSerializer,
        responses={201: _SECRET},
        tags=["Access"],
        examples=[_GIVE_PASSWORD, _SHOW_SECRET],
    )
    def post(self, request: ApiRequest) -> Answer:
        """Get a secret for the app; requires the password, and takes effect when confirmed"""
        user = self.user_of(request)
        form = OwnPasswordSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        recent_sign_in.require_password(request, user=user, password=form.validated_data["password"])
        if second_factor.is_set_up(user=user):
            raise PermissionDenied("A second factor is set up already: remove it first.")
        secret = second_factor.begin(user=user)
        return Answer(201, {"secret": secret.secret, "uri": secret.uri})


class MfaConfirmView(_MfaView):
    """auth/mfa/confirm/"""

    @extend_schema(request=OtpSerializer, responses=_CONFIRMED, tags=["Access"], examples=[_SHOW_CODE, _SHOW_CONFIRMED])
    def post(self, request: ApiRequest) -> Answer:
        """Enable the second factor; ends all sessions and returns the tokens of a new one"""
        user = self.user_of(request)
        code, key = self.code_of(request), str(user.pk)
        if seconds := _CONFIRMATIONS.seconds_locked(key):
            raise Throttled(retry_after=seconds)
        recovery_codes = second_factor.confirm(user=user, code=code)
        if recovery_codes is None:
            _CONFIRMATIONS.count(key)
            raise WrongCode
        sessions.end_all_sessions(user_id=user.pk)
        fresh: Any = User.objects.get(pk=user.pk)
        return sign_in_response(sessions.open_session(user=fresh, second_factor=True), recovery_codes=recovery_codes)
