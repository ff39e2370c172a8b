"""The answers of the slots, tokens, waiting-list and events endpoints, for OpenAPI; messages.py renders them."""

from rest_framework import serializers

from clinics.models import SlotStatus
from tokens.api import examples
from tokens.policy.lifecycle import Status
from tokens.policy.priority import Category
from waitlist.models import EntryStatus

CATEGORIES = [category.value for category in Category]


class SlotShape(serializers.Serializer[None]):
    """A slot."""

    id = serializers.UUIDField()
    doctor = serializers.UUIDField()
    doctor_name = serializers.CharField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    expected_end = serializers.DateTimeField()
    max_capacity = serializers.IntegerField()
    current_capacity = serializers.IntegerField(help_text="Seats held, emergencies included.")
    available_capacity = serializers.IntegerField()
    waiting_count = serializers.IntegerField()
    status = serializers.ChoiceField(choices=SlotStatus.choices)
    delay_minutes = serializers.IntegerField()
    cascaded_minutes = serializers.IntegerField()
    consultation_minutes = serializers.IntegerField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()

    class Meta:
        example = examples.SLOT


class SlotInfoShape(serializers.Serializer[None]):
    """The slot as printed on a patient's slip."""

    doctor = serializers.CharField(help_text="The doctor's name.")
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()


class TokenShape(serializers.Serializer[None]):
    """A token."""

    id = serializers.UUIDField()
    ticket = serializers.RegexField(r"^[A-Z0-9]{2,8}-[0-9]{3,}$")
    slot = serializers.UUIDField()
    slot_info = SlotInfoShape()
    patient = serializers.UUIDField()
    patient_name = serializers.CharField()
    token_number = serializers.IntegerField(allow_null=True, help_text="The live position; null outside the queue.")
    priority = serializers.FloatField()
    category = serializers.ChoiceField(choices=CATEGORIES)
    acuity = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=[status.value for status in Status])
    estimated_time = serializers.DateTimeField(allow_null=True)
    arrived_at = serializers.DateTimeField(allow_null=True)
    called_at = serializers.DateTimeField(allow_null=True, help_text="The last call, without recalls.")
    times_called = serializers.IntegerField(help_text="Calls and recalls.")
    skips = serializers.IntegerField()
    actual_time = serializers.DateTimeField(allow_null=True, help_text="When the consultation began.")
    completed_at = serializers.DateTimeField(allow_null=True)
    returns_by = serializers.DateTimeField(allow_null=True, help_text="Of a patient who has stepped out.")
    overdue = serializers.BooleanField(help_text="`returns_by` has passed.")
    expires_at = serializers.DateTimeField(allow_null=True)
    grace_expires_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    class Meta:
        example = examples.TOKEN


class WaitingListEntryShape(serializers.Serializer[None]):
    """A waiting-list entry."""

    id = serializers.UUIDField()
    slot = serializers.UUIDField()
    patient = serializers.UUIDField()
    patient_name = serializers.CharField()
    category = serializers.ChoiceField(choices=CATEGORIES)
    priority = serializers.FloatField()
    position = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=EntryStatus.choices)
    token = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()

    class Meta:
        example = examples.WAITING_LIST_ENTRY


class WaitlistedShape(serializers.Serializer[None]):
    """A place on the waiting list of a full slot."""

    outcome = serializers.ChoiceField(choices=["WAITLISTED"])
    waiting_list_entry = WaitingListEntryShape()


class EventShape(serializers.Serializer[None]):
    """An event of the log."""

    id = serializers.UUIDField()
    type = serializers.CharField()
    slot = serializers.UUIDField()
    token = serializers.UUIDField(allow_null=True)
    at = serializers.DateTimeField()
    actor = serializers.CharField(allow_null=True, help_text="Patients see the role instead.")
    data = serializers.DictField()  # type: ignore[assignment]

    class Meta:
        example = examples.EVENT


class AffectedSlotShape(serializers.Serializer[None]):
    """A slot whose delay changed."""

    id = serializers.UUIDField()
    delay_minutes = serializers.IntegerField()
    cascaded_minutes = serializers.IntegerField()

    class Meta:
        example = examples.AFFECTED_SLOT


class DelayResultShape(serializers.Serializer[None]):
    """What a delay changed."""

    message = serializers.CharField()
    slot = SlotShape()
    affected_slots = AffectedSlotShape(many=True)
    affected_tokens = serializers.IntegerField()


class BulkResultShape(serializers.Serializer[None]):
    """The slots created."""

    message = serializers.CharField()
    count = serializers.IntegerField()
    skipped = serializers.IntegerField()

    class Meta:
        example = examples.BULK_RESULT


class SlotCancellationShape(serializers.Serializer[None]):
    """What was cancelled with the slot."""

    cancelled_tokens = serializers.IntegerField()
    withdrawn_entries = serializers.IntegerField()

    class Meta:
        example = examples.SLOT_CANCELLATION


class SlotsCancellationShape(SlotCancellationShape):
    """What was cancelled."""

    cancelled_slots = serializers.IntegerField()

    class Meta:
        example = {"cancelled_slots": 3, **examples.SLOT_CANCELLATION}


class CancellationShape(serializers.Serializer[None]):
    """A cancelled token, and those promoted."""

    message = serializers.CharField()
    token = TokenShape()
    promoted = serializers.ListField(child=serializers.UUIDField())


class AffectedTokenShape(serializers.Serializer[None]):
    """A token that was pushed back."""

    id = serializers.UUIDField()
    ticket = serializers.CharField()
    token_number = serializers.IntegerField()
    estimated_time = serializers.DateTimeField()

    class Meta:
        example = examples.AFFECTED_TOKEN


class AdmissionShape(serializers.Serializer[None]):
    """An admitted emergency, and the first 50 tokens that it pushed back."""

    token = TokenShape()
    affected_tokens = AffectedTokenShape(many=True)
    affected_count = serializers.IntegerField()
    message = serializers.CharField()


class ExplanationShape(serializers.Serializer[None]):
    """The reasons for a token's position."""

    token_number = serializers.IntegerField(allow_null=True)
    priority = serializers.FloatField()
    base = serializers.FloatField()
    time_bonus = serializers.FloatField()
    care_bonus = serializers.FloatField()
    ahead = serializers.DictField(child=serializers.IntegerField())
    history = EventShape(many=True)
