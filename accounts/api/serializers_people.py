"""Serializers of users, registration and passwords."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from accounts.access.roles import Role
from accounts.access.scoping import in_facility
from accounts.api.fields import AnyEmailField, NewPasswordField, OtpField, StrictEmailField
from accounts.auth.login import MAX_PASSWORD_LENGTH
from accounts.models import User
from core import clock
from core.api.fields import NameField, PhoneField
from core.api.filters import PagedQuerySerializer
from core.api.serializers import StrictBooleanField, StrictCharField, StrictSerializer, StrictUUIDField
from core.errors import Merged

MAX_PATIENTS = 100


def _all_of(field: str) -> Any:
    return User._meta.get_field(field).related_model._default_manager.all()  # type: ignore[union-attr]


class UserRelatedField(serializers.PrimaryKeyRelatedField):
    """The id of an object of another app, whose model is found through a relation of User."""

    def __init__(self, *, relation: str, **kwargs: Any) -> None:
        self.relation = relation
        super().__init__(queryset=User.objects.none(), pk_field=serializers.UUIDField(), **kwargs)

    def get_queryset(self) -> Any:
        """Return the objects that the relation may refer to, in the facility of the caller."""
        return in_facility(_all_of(self.relation), self.context.get("within"))


_DESK = {"username": "desk2", "email": "desk2@hospital.example", "password": "quiet-harbour-42", "role": "FRONT_DESK"}


_USER: dict[str, Any] = {
    "id": "0192e0c5-c06f-7183-8e55-70b28f6193a4",
    **{name: value for name, value in _DESK.items() if name != "password"},
    "facility": "0192e0c5-5908-7a1c-8dde-094b18202c3d",
    "doctor": None,
    "patients": [],
    "is_active": True,
    "created_at": "2026-03-02T09:00:00+05:30",
}


@extend_schema_serializer(examples=[OpenApiExample("A second desk", _DESK, request_only=True)])
class UserSerializer(StrictSerializer):
    """A user account."""

    id = serializers.UUIDField(read_only=True)
    username = StrictCharField(max_length=150, validators=User._meta.get_field("username").validators[:2])
    email = StrictEmailField(allow_blank=True)
    password = NewPasswordField()
    role = serializers.ChoiceField(choices=Role.choices)
    facility = StrictUUIDField(
        source="facility_id",
        required=False,
        allow_null=True,
        help_text="The facility of a member of staff, by default the caller's own. null: a patient.",
    )
    doctor = UserRelatedField(relation="doctor", required=False, allow_null=True)
    patients = serializers.ListField(
        child=UserRelatedField(relation="patients"), max_length=MAX_PATIENTS, required=False
    )
    is_active = StrictBooleanField(required=False)
    created_at = serializers.DateTimeField(read_only=True)

    class Meta:
        example = _USER

    def validate_patients(self, patients: list[Any]) -> list[Any]:
        """Raise Merged for a record that was merged into another one."""
        for patient in patients:
            if patient.merged_into_id is not None:
                raise Merged(into=str(patient.merged_into_id))
        return patients

    def get_fields(self) -> dict[str, Any]:
        """Make the password optional when a user is changed."""
        fields = super().get_fields()
        fields["password"].required = self.instance is None
        return fields

    def to_representation(self, instance: User) -> dict[str, Any]:
        """Return the user with the ids of the doctor and of the patients in the facility of the caller."""
        within = self.context.get("within")
        return {
            "id": str(instance.pk),
            "username": instance.username,
            "email": instance.email,
            "role": instance.role,
            "facility": str(instance.facility_id) if instance.facility_id else None,
            "doctor": str(instance.doctor_id) if instance.doctor_id else None,
            "patients": [
                str(patient.pk)
                for patient in instance.patients.all()
                if within is None or patient.facility_id == within
            ],
            "is_active": instance.is_active,
            "created_at": instance.created_at.isoformat(),
        }

    def changes(self) -> dict[str, Any]:
        """Return the validated fields under the argument names of accounts.users, and `doctor_facility_id`."""
        sent = dict(self.validated_data)
        if "doctor" in sent:
            doctor = sent.pop("doctor")
            sent["doctor_id"] = doctor.pk if doctor else None
            sent["doctor_facility_id"] = doctor.facility_id if doctor else None
        if "patients" in sent:
            sent["patient_ids"] = [patient.pk for patient in sent.pop("patients")]
        return sent


class UserFilters(PagedQuerySerializer):
    """The filters of the list of users."""

    role = serializers.ChoiceField(choices=Role.choices, required=False)
    search = serializers.CharField(
        required=False, allow_blank=True, max_length=254, help_text="Part of the user name or e-mail address."
    )


_PATIENT = {
    "email": "asha.rao@mail.example",
    "password": "seven-white-lotus",
    "name": "Asha Rao",
    "phone": "+91 98450 11223",
    "date_of_birth": "1961-04-09",
}


@extend_schema_serializer(examples=[OpenApiExample("A patient", _PATIENT, request_only=True)])
class RegisterSerializer(StrictSerializer):
    """A registration of a patient."""

    email = StrictEmailField()
    password = NewPasswordField()
    name = NameField()
    phone = PhoneField()
    date_of_birth = serializers.DateField(required=False, allow_null=True)
    facility = StrictUUIDField(
        source="facility_id",
        required=False,
        help_text="Where the record is kept; required if there are several facilities.",
    )

    def validate_date_of_birth(self, value: Any) -> Any:
        """Refuse dates in the future and before 1900."""
        if value is not None and not 1900 <= value.year <= value.max.year:
            raise serializers.ValidationError("This date is out of range.", code="out-of-range")
        if value is not None and value > clock.now().date():
            raise serializers.ValidationError("This date is in the future.", code="in-the-future")
        return value


@extend_schema_serializer(examples=[OpenApiExample("Code", {"email": "asha.rao@mail.example", "otp": "004217"})])
class VerifySerializer(StrictSerializer):
    """The code from the mail."""

    email = StrictEmailField()
    otp = OtpField()


@extend_schema_serializer(examples=[OpenApiExample("E-mail", {"email": "asha.rao@mail.example"})])
class ForgotSerializer(StrictSerializer):
    """The address of the account."""

    email = AnyEmailField()


_RESET = {"email": "asha.rao@mail.example", "otp": "004217", "new_password": "eight-blue-lotus"}


@extend_schema_serializer(examples=[OpenApiExample("New password", _RESET)])
class ResetSerializer(VerifySerializer):
    """The code from the mail, and the new password."""

    new_password = NewPasswordField()


class MessageSerializer(serializers.Serializer[Any]):
    """A message for the user."""

    message = serializers.CharField()

    class Meta:
        example = {"message": "If everything is in order, a code is on its way to this address."}


@extend_schema_serializer(examples=[OpenApiExample("Password", {"password": "quiet-harbour-42"})])
class OwnPasswordSerializer(StrictSerializer):
    """The caller's own password."""

    password = StrictCharField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, write_only=True)


_CHANGE = {"password": "quiet-harbour-42", "new_password": "eight-blue-lotus"}


@extend_schema_serializer(examples=[OpenApiExample("New password", _CHANGE)])
class ChangePasswordSerializer(OwnPasswordSerializer):
    """The current password and the new one."""

    new_password = NewPasswordField()
