"""The bodies of boards, kiosks and tracking links."""

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from clinics.rules import RULES, RuleError
from core import clock
from core.api.fields import VisibleCharField
from core.api.filters import PagedQuerySerializer
from core.api.serializers import (
    LocalDateTimeField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictModelSerializer,
    StrictSerializer,
    StrictUUIDField,
)
from live.api import examples
from live.devices import is_healthy
from live.models import Audio, Board, Device, Kiosk

_FOUR_DIGITS = RegexValidator(r"^[0-9]{4}\Z", "Four digits.", code="invalid")
MAX_PLACES = 10
MAX_ROOMS = 100


class NothingRequest(StrictSerializer):
    """An empty body."""


class LetPassRequest(StrictSerializer):
    """How many of those behind may go first."""

    places = StrictIntegerField(min_value=1, max_value=MAX_PLACES)


def _languages(value: Any) -> Any:
    try:
        return RULES["languages"].check(value)
    except RuleError as error:
        raise serializers.ValidationError(error.detail, code=error.code) from error


@extend_schema_field(RULES["languages"].schema)
class LanguagesField(serializers.Field[list[str], Any, list[str], Any]):
    """The languages of a screen, the first one first."""

    def to_internal_value(self, data: Any) -> list[str]:
        return list(_languages(data))

    def to_representation(self, value: list[str]) -> list[str]:
        return value


class DeviceSerializer(StrictModelSerializer):
    """What boards and kiosks have in common."""

    name = VisibleCharField(max_length=100)
    languages = LanguagesField(required=False, help_text="By default those of the facility's rules.")
    healthy = serializers.SerializerMethodField(help_text="Heard from within the last 60 seconds.")
    last_seen = LocalDateTimeField(read_only=True, allow_null=True)

    def get_healthy(self, device: Device) -> bool:
        """Return whether the device has reported lately."""
        return is_healthy(device, now=clock.now())


class BoardSerializer(DeviceSerializer):
    """A board in a waiting room."""

    rooms = serializers.ListField(
        child=StrictUUIDField(),
        required=False,
        max_length=MAX_ROOMS,
        help_text="The rooms whose calls the board shows; empty: all.",
    )
    announce = StrictBooleanField(required=False, help_text="Announce the calls by voice; true by default.")
    show_doctor_name = StrictBooleanField(required=False, help_text="false by default.")
    audio = serializers.ChoiceField(
        choices=Audio.choices, read_only=True, allow_null=True, help_text="As the screen reported it last."
    )

    class Meta:
        example = examples.BOARD
        model = Board
        fields = (
            "id",
            "name",
            "rooms",
            "languages",
            "announce",
            "show_doctor_name",
            "healthy",
            "last_seen",
            "audio",
        )
        read_only_fields = ("id",)


class DeviceFilters(PagedQuerySerializer):
    """The parameters of the lists of boards and kiosks: only the page."""


class PairRequest(StrictSerializer):
    """The code that an unpaired screen shows."""

    code = StrictCharField(max_length=16)


class HealthRequest(StrictSerializer):
    """What the screen of a board reports of itself."""

    seq = StrictIntegerField(
        min_value=0, max_value=2**63 - 1, allow_null=True, help_text="The `seq` of the content that it shows."
    )
    audio = serializers.ChoiceField(choices=Audio.choices)
    visible = StrictBooleanField(help_text="Whether the page is in the foreground.")


class KioskSerializer(DeviceSerializer):
    """A kiosk."""

    class Meta:
        example = examples.KIOSK
        model = Kiosk
        fields = ("id", "name", "languages", "healthy", "last_seen")
        read_only_fields = ("id",)


class KioskCheckInRequest(StrictSerializer):
    """A scanned tracking link, or a ticket with the last digits of the patient's telephone number."""

    scan = StrictCharField(required=False, max_length=500, help_text="A tracking link or its code.")
    ticket = StrictCharField(required=False, max_length=20)
    phone_last4 = StrictCharField(required=False, max_length=4, validators=[_FOUR_DIGITS])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Accept `scan` alone, or `ticket` and `phone_last4`."""
        if set(attrs) not in ({"scan"}, {"ticket", "phone_last4"}):
            raise serializers.ValidationError("Send scan, or ticket and phone_last4.", code="invalid")
        return attrs


class TrackCheckInRequest(StrictSerializer):
    """The proof that the patient is there, if the facility requires one."""

    presence = StrictCharField(required=False, max_length=16, help_text="The code that the kiosk shows.")
