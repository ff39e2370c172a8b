"""Views of registration, passwords and users."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated

from accounts import users
from accounts.access.principal import Principal, principal_of
from accounts.access.roles import Role
from accounts.access.scoping import facility_of_new_row, in_facility, scoped
from accounts.api.serializers_auth import AccessSerializer
from accounts.api.serializers_people import (
    ChangePasswordSerializer,
    ForgotSerializer,
    MessageSerializer,
    RegisterSerializer,
    ResetSerializer,
    UserFilters,
    UserSerializer,
    VerifySerializer,
)
from accounts.api.views_auth import OpenView, sign_in_response
from accounts.audit.read_trail import attributed
from accounts.auth import recent_sign_in, registration, sessions
from accounts.limits import lockout
from accounts.limits.rates import throttle_address
from accounts.models import User
from core.api.answers import Answer
from core.api.client_address import client_address
from core.api.endpoint import Endpoint
from core.api.pagination import Pages
from core.api.request import ApiRequest
from core.errors import NotFound, PermissionDenied, ValidationFailed
from core.normal_form import normal_form

_CODE_REQUESTED = {"message": "If everything is in order, a code is on its way to this address."}


def _validated(form_class: Any, request: ApiRequest, **kwargs: Any) -> Any:
    form = form_class(data=request.data, **kwargs)
    form.is_valid(raise_exception=True)
    return form


class RegisterView(OpenView):
    """POST auth/register/"""

    @extend_schema(request=RegisterSerializer, responses={202: MessageSerializer}, tags=["Access"], auth=[])
    def post(self, request: ApiRequest) -> Answer:
        """Request an account; a code is sent by e-mail"""
        throttle_address(request, "register")
        form = _validated(RegisterSerializer, request)
        registration.request_registration(**form.validated_data, sender=client_address(request))
        return Answer(202, _CODE_REQUESTED)


class VerifyView(OpenView):
    """POST auth/register/verify/"""

    @extend_schema(request=VerifySerializer, responses={201: AccessSerializer}, tags=["Access"], auth=[])
    def post(self, request: ApiRequest) -> Answer:
        """Confirm the e-mail address and sign in"""
        throttle_address(request, "code")
        form = _validated(VerifySerializer, request)
        user = registration.register(**form.validated_data, sender=client_address(request))
        lockout.remember_address(user=user, address=client_address(request))
        return sign_in_response(sessions.open_session(user=user), status=201)


class ForgotView(OpenView):
    """POST auth/password/forgot/"""

    @extend_schema(request=ForgotSerializer, responses={202: MessageSerializer}, tags=["Access"], auth=[])
    def post(self, request: ApiRequest) -> Answer:
        """Request a code to reset the password"""
        throttle_address(request, "forgot")
        form = _validated(ForgotSerializer, request)
        registration.request_password_reset(**form.validated_data, sender=client_address(request))
        return Answer(202, _CODE_REQUESTED)


class ResetView(OpenView):
    """POST auth/password/reset/"""

    @extend_schema(request=ResetSerializer, responses={204: None}, tags=["Access"], auth=[])
    def post(self, request: ApiRequest) -> Answer:
        """Reset the password; ends all sessions"""
        throttle_address(request, "code")
        form = _validated(ResetSerializer, request)
        user = registration.reset_password(**form.validated_data, sender=client_address(request))
        lockout.unlock(user=user, address=client_address(request))
        return Answer(204)


class ChangePasswordView(Endpoint):
    """POST auth/password/change/"""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=ChangePasswordSerializer, responses=AccessSerializer, tags=["Access"])
    def post(self, request: ApiRequest) -> Answer:
        """Change my password; ends all sessions and returns the tokens of a new one"""
        user, caller = request.user, principal_of(request)
        if not isinstance(user, User):
            raise PermissionDenied("A key has no password.")
        form = _validated(ChangePasswordSerializer, request)
        recent_sign_in.require_password(request, user=user, password=form.validated_data["password"])
        with attributed(request):
            users.set_password(user_id=user.pk, password=form.validated_data["new_password"], by=caller.actor)
        proved = caller.second_factor
        return sign_in_response(sessions.open_session(user=User.objects.get(pk=user.pk), second_factor=proved))


class UsersView(Endpoint):
    """users/"""

    capability = "users.manage"
    pagination_class = Pages

    @extend_schema(parameters=[UserFilters], responses=UserSerializer(many=True), tags=["Access"])
    def get(self, request: ApiRequest) -> Answer:
        """List the users"""
        filters = UserFilters.read(request)
        within = principal_of(request).facility_id
        found = in_facility(User.objects.prefetch_related("patients"), within).order_by("username", "pk")
        if "role" in filters:
            found = found.filter(role=filters["role"])
        if filters.get("search"):
            part = normal_form(filters["search"])
            found = found.filter(username_key__contains=part) | found.filter(email_key__contains=part)
        page = self.paginate_queryset(found)
        return self.get_paginated_response(UserSerializer(page, many=True, context={"within": within}).data)

    @extend_schema(request=UserSerializer, responses={201: UserSerializer}, tags=["Access"])
    def post(self, request: ApiRequest) -> Answer:
        """Create a user; ADMIN requires a recent sign-in"""
        principal = principal_of(request)
        context = {"within": principal.facility_id}
        changes = _validated(UserSerializer, request, context=context).changes()
        changes["facility_id"] = _facility_of_new_user(principal, changes)
        recent_sign_in.require_recent_sign_in_for_administrator(request, role=changes["role"])
        with attributed(request):
            user = users.create_user(**changes, by=principal.actor)
        return Answer(201, UserSerializer(user, context=context).data)


class UserView(Endpoint):
    """users/{id}/"""

    capability = "users.manage"

    @extend_schema(responses=UserSerializer, tags=["Access"])
    def get(self, request: ApiRequest, pk: uuid.UUID) -> Answer:
        """Read a user"""
        principal = principal_of(request)
        return Answer(200, UserSerializer(_user(pk, principal), context={"within": principal.facility_id}).data)

    @extend_schema(request=UserSerializer, responses=UserSerializer, tags=["Access"])
    def put(self, request: ApiRequest, pk: uuid.UUID) -> Answer:
        """Change a user; `password` is optional"""
        return self._change(request, pk, partial=False)

    @extend_schema(request=UserSerializer, responses=UserSerializer, tags=["Access"])
    def patch(self, request: ApiRequest, pk: uuid.UUID) -> Answer:
        """Change some fields of a user"""
        return self._change(request, pk, partial=True)

    @extend_schema(responses={204: None}, tags=["Access"])
    def delete(self, request: ApiRequest, pk: uuid.UUID) -> Answer:
        """Delete a user, not their patient records; ADMIN requires a recent sign-in"""
        principal = principal_of(request)
        recent_sign_in.require_recent_sign_in_for_administrator(request, role=_user(pk, principal).role)
        with attributed(request):
            users.remove_user(user_id=pk, by=principal.actor, within=principal.facility_id)
        return Answer(204)

    def _change(self, request: ApiRequest, pk: uuid.UUID, *, partial: bool) -> Answer:
        principal = principal_of(request)
        before, context = _user(pk, principal), {"within": principal.facility_id}
        changes = _validated(UserSerializer, request, instance=before, partial=partial, context=context).changes()
        _check_facility(principal, before, changes)
        recent_sign_in.require_recent_sign_in_to_change(request, user=before, changes=changes)
        with attributed(request):
            user = users.change_user(user_id=pk, changes=changes, by=principal.actor, within=principal.facility_id)
        return Answer(200, UserSerializer(user, context=context).data)


def _user(pk: uuid.UUID, principal: Principal) -> User:
    user = scoped(User.objects.all(), principal).filter(pk=pk).first()
    if user is None:
        raise NotFound
    return user


def _facility_of_new_user(principal: Principal, fields: dict[str, Any]) -> uuid.UUID | None:
    """Return the facility of a new user: the named one, else that of the user's doctor, else the caller's own."""
    named = fields.pop("facility_id", None)
    doctor_facility_id = fields.pop("doctor_facility_id", None)
    if fields["role"] == Role.PATIENT:
        if named is not None:
            raise ValidationFailed.of("facility", "not-staff", "A patient belongs to no facility.")
        return None
    return facility_of_new_row(principal, named or doctor_facility_id)


def _check_facility(principal: Principal, user: User, changes: dict[str, Any]) -> None:
    """Leave the facility in the changes only if a patient becomes a member of staff; no other change is allowed."""
    named = changes.pop("facility_id", None)
    changes.pop("doctor_facility_id", None)
    if user.facility_id is None:
        if changes.get("role", user.role) != Role.PATIENT and not user.is_superuser:
            changes["facility_id"] = facility_of_new_row(principal, named)
    elif named not in (None, user.facility_id):
        facility_of_new_row(principal, named)  # raises NotFound for one that the caller may not know
        raise ValidationFailed.of("facility", "immutable", "A user cannot move to another facility.")
