"""Reports on the wire (section 7 of the contract)."""

from rest_framework import serializers

from core.api.filters import QuerySerializer
from core.api.messages import StrictSerializer


class DailyFilters(QuerySerializer):
    """Which day, and whose."""

    date = serializers.DateField(required=False, help_text="The facility's local day; today unless given.")
    doctor_id = serializers.UUIDField(required=False, help_text="Only this doctor's slots.")


class CategoryCountSerializer(StrictSerializer):
    """How many tokens of a category."""

    category = serializers.CharField()
    count = serializers.IntegerField()


class StatusCountSerializer(StrictSerializer):
    """How many tokens in a status."""

    status = serializers.CharField()
    count = serializers.IntegerField()


class FiguresSerializer(StrictSerializer):
    """The figures of a day."""

    date = serializers.DateField()
    total_slots = serializers.IntegerField(help_text="All slots, cancelled ones included.")
    total_tokens = serializers.IntegerField(help_text="All tokens, whatever became of them.")
    confirmed_tokens = serializers.IntegerField(help_text="CONFIRMED, CHECKED_IN, CALLED or IN_CONSULTATION.")
    cancelled_tokens = serializers.IntegerField()
    no_show_tokens = serializers.IntegerField()
    completed_tokens = serializers.IntegerField()
    waitlisted = serializers.IntegerField(help_text="Waiting-list entries WAITING.")
    cancellation_rate = serializers.FloatField(help_text="Percent of total_tokens, 2 decimals.")
    no_show_rate = serializers.FloatField(help_text="Percent of total_tokens, 2 decimals.")
    capacity_utilization = serializers.FloatField(help_text="Seats held in percent of the capacity not cancelled.")
    category_breakdown = CategoryCountSerializer(
        many=True, help_text="The categories that occurred, in order of the tiers."
    )
    status_breakdown = StatusCountSerializer(
        many=True, help_text="The statuses that occurred, in order of a token's life."
    )


class DoctorFiguresSerializer(FiguresSerializer):
    """The figures of a doctor's day."""

    doctor = serializers.UUIDField()
    doctor_name = serializers.CharField()


class DailyReportSerializer(FiguresSerializer):
    """A facility's day, in all and for each doctor."""

    doctors = DoctorFiguresSerializer(many=True, help_text="By the doctors' names.")
