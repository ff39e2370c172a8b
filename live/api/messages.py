"""What boards, kiosks and the holders of tracking links see, as the API sends it."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from core.api.serializers import OutputSerializer, write_time
from core.local_time import zone_info
from live.api import examples
from live.kiosk_check_in import OUTCOMES, SEE_DESK, Outcome
from live.models import Board
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


class KeyMessage(OutputSerializer):
    """The key of a board or a kiosk."""

    key = serializers.CharField(help_text="Shown only once. Send it as `Authorization: Board <key>` (or `Kiosk`).")

    class Meta:
        example = {"key": f"opd_board_{examples.CODE}"}


class PairingMessage(OutputSerializer):
    """The code that an unpaired screen shows."""

    code = serializers.CharField(help_text="6 characters, for one use.")
    expires_at = serializers.DateTimeField(help_text="10 minutes from now.")

    class Meta:
        example = examples.PAIRING


class PairingStatusMessage(OutputSerializer):
    """Whether the calling browser is paired."""

    paired = serializers.BooleanField()
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Of the code of this browser; null if it is used or expired."
    )

    class Meta:
        example = {"paired": False, "expires_at": examples.PAIRING["expires_at"]}


class ShownBoardMessage(OutputSerializer):
    """The settings of a board."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    rooms = serializers.ListField(child=serializers.UUIDField())
    languages = serializers.ListField(child=serializers.CharField())
    announce = serializers.BooleanField()
    show_doctor_name = serializers.BooleanField()
    facility_name = serializers.CharField()


class BoardCallMessage(OutputSerializer):
    """A patient who is called now; `doctor_name` only if the board shows it."""

    seq = serializers.IntegerField(help_text="The number of the call in the event log.")
    ticket = serializers.CharField()
    room_name = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(choices=["CALL", "AGAIN"])
    at = serializers.DateTimeField()
    doctor_name = serializers.CharField(required=False)


class BoardNextMessage(OutputSerializer):
    """Those who are called next, at most three."""

    room_name = serializers.CharField(allow_null=True)
    tickets = serializers.ListField(child=serializers.CharField())
    doctor_name = serializers.CharField(required=False)


class BoardNoticeMessage(OutputSerializer):
    """A delay or a pause."""

    room_name = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(choices=["DELAY", "PAUSE"])
    minutes = serializers.IntegerField(allow_null=True)
    doctor_name = serializers.CharField(required=False)


class BoardContentMessage(OutputSerializer):
    """What a board shows: never a name of a patient, an age, a category, a telephone number or an id of a token."""

    board = ShownBoardMessage()
    now = serializers.DateTimeField()
    seq = serializers.IntegerField(help_text="The end of the event log at the time of the answer.")
    calls = BoardCallMessage(many=True, help_text="Newest first, at most 8.")
    missed = serializers.ListField(child=serializers.CharField(), help_text="They may still come to the desk.")
    next = BoardNextMessage(many=True)
    notices = BoardNoticeMessage(many=True)

    class Meta:
        example = examples.SHOWN


def board_body(board: Board, content: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """Return the content of a board."""
    zone = zone_info(board.facility.time_zone)
    shown = ShownBoardMessage.write(
        board, rooms=[str(room) for room in board.rooms], facility_name=board.facility.shown_name
    )
    calls = [{**call, "at": write_time(call["at"], zone)} for call in content["calls"]]
    return BoardContentMessage.write(None, board=shown, now=write_time(now, zone), **{**content, "calls": calls})


class OutcomeMessage(OutputSerializer):
    """The outcome of a check-in at a kiosk; with SEE_DESK, the outcome alone."""

    outcome = serializers.ChoiceField(choices=OUTCOMES)
    ticket = serializers.CharField(required=False)
    ahead = serializers.IntegerField(required=False, allow_null=True)
    room_name = serializers.CharField(required=False, allow_null=True)

    class Meta:
        example = {"outcome": "ARRIVED", "ticket": "A1-007", "ahead": 5, "room_name": "Room 4"}


def outcome_body(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome of a check-in."""
    body = OutcomeMessage.write(outcome)
    return {"outcome": body["outcome"]} if outcome.outcome == SEE_DESK else body


class PresenceMessage(OutputSerializer):
    """The presence code of a kiosk."""

    presence = serializers.CharField(allow_null=True, help_text="Null unless the rule `kiosk_presence` is on.")
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When the next code follows.")

    class Meta:
        example = {"presence": "204871", "expires_at": "2026-03-02T09:01:00+05:30"}
