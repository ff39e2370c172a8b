"""What boards, kiosks and the holders of tracking links see, as the API sends it."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from core.api.serializers import OutputSerializer
from core.local_time import zone_info
from live.api import examples
from live.tracking import ACTIONS, MESSAGES, tracked
from tokens.models import Token
from tokens.policy.lifecycle import Status


class TrackingLinkMessage(OutputSerializer):
    """A tracking link."""

    url = serializers.CharField(help_text="The page for the patient's telephone.")
    code = serializers.CharField(help_text="Shown only once.")
    expires_at = serializers.DateTimeField(help_text="The end of the day after the slot's.")

    class Meta:
        example = examples.LINK


class TrackedTokenMessage(OutputSerializer):
    """A token as the holder of its link sees it: without a patient's name, an id or another ticket."""

    ticket = serializers.CharField()
    status = serializers.ChoiceField(choices=[status.value for status in Status])
    token_number = serializers.IntegerField(allow_null=True, help_text="The live position; null outside the queue.")
    ahead = serializers.IntegerField(allow_null=True)
    estimated_time = serializers.DateTimeField(allow_null=True)
    estimated_from = serializers.DateTimeField(allow_null=True, help_text="In steps of 5 minutes.")
    estimated_to = serializers.DateTimeField(allow_null=True)
    room_name = serializers.CharField(allow_null=True)
    doctor_name = serializers.CharField()
    start_time = serializers.DateTimeField()
    facility_name = serializers.CharField()
    message_key = serializers.ChoiceField(choices=MESSAGES, help_text="What to tell the patient; never changes.")
    actions = serializers.ListField(
        child=serializers.ChoiceField(choices=ACTIONS), help_text="What the holder of the code may do now."
    )

    class Meta:
        example = examples.TRACKED


def track_body(token: Token, *, now: datetime) -> dict[str, Any]:
    """Return a token for the holder of its link."""
    return TrackedTokenMessage.write(tracked(token, now=now), zone=zone_info(token.slot.facility.time_zone))
