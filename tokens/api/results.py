"""The results of changes as the API sends them, each declared once, like the messages of tokens.api.messages."""

from rest_framework import serializers

from core.api.serializers import OutputSerializer
from tokens.api import examples
from tokens.api.messages import SlotMessage, TokenMessage, WaitingListEntryMessage


class WaitlistedMessage(OutputSerializer):
    """A place on the waiting list of a full slot."""

    outcome = serializers.ChoiceField(choices=["WAITLISTED"])
    waiting_list_entry = WaitingListEntryMessage()


class AffectedSlotMessage(OutputSerializer):
    """A slot whose delay changed."""

    id = serializers.UUIDField()
    delay_minutes = serializers.IntegerField()
    cascaded_minutes = serializers.IntegerField()

    class Meta:
        example = examples.AFFECTED_SLOT


class DelayResultMessage(OutputSerializer):
    """What a delay changed."""

    message = serializers.CharField()
    slot = SlotMessage()
    affected_slots = AffectedSlotMessage(many=True)
    affected_tokens = serializers.IntegerField()


class BulkResultMessage(OutputSerializer):
    """The slots created."""

    message = serializers.CharField()
    count = serializers.IntegerField()
    skipped = serializers.IntegerField()

    class Meta:
        example = examples.BULK_RESULT


class SlotCancellationMessage(OutputSerializer):
    """What was cancelled with the slot."""

    cancelled_tokens = serializers.IntegerField()
    withdrawn_entries = serializers.IntegerField()

    class Meta:
        example = examples.SLOT_CANCELLATION


class SlotsCancellationMessage(SlotCancellationMessage):
    """What was cancelled."""

    cancelled_slots = serializers.IntegerField()

    class Meta:
        example = {"cancelled_slots": 3, **examples.SLOT_CANCELLATION}


class CancellationMessage(OutputSerializer):
    """A cancelled token, and those promoted."""

    message = serializers.CharField()
    token = TokenMessage()
    promoted = serializers.ListField(child=serializers.UUIDField())


class MoveResultMessage(OutputSerializer):
    """A token in its new slot, and those promoted into the seat that it left."""

    token = TokenMessage()
    promoted = serializers.ListField(child=serializers.UUIDField())


class AffectedTokenMessage(OutputSerializer):
    """A token that was pushed back."""

    id = serializers.UUIDField()
    ticket = serializers.CharField()
    token_number = serializers.IntegerField()
    estimated_time = serializers.DateTimeField()

    class Meta:
        example = examples.AFFECTED_TOKEN


class AdmissionMessage(OutputSerializer):
    """An admitted emergency, and the first 50 tokens that it pushed back."""

    token = TokenMessage()
    affected_tokens = AffectedTokenMessage(many=True)
    affected_count = serializers.IntegerField()
    message = serializers.CharField()
