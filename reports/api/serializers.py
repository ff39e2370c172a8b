"""Serializers of reports (section 7 of the contract)."""

from rest_framework import serializers

from core.api.filters import QuerySerializer
from core.api.serializers import StrictSerializer


class DailyFilters(QuerySerializer):
    """The filters of a daily report."""

    date = serializers.DateField(required=False, help_text="The facility's local day; today by default.")
    doctor_id = serializers.UUIDField(required=False, help_text="Only this doctor's slots.")
    facility = serializers.UUIDField(
        required=False, help_text="A facility that the caller may see; by default the caller's own."
    )


class CategoryCountSerializer(StrictSerializer):
    """The number of tokens of a category."""

    category = serializers.CharField()
    count = serializers.IntegerField()


class StatusCountSerializer(StrictSerializer):
    """The number of tokens in a status."""

    status = serializers.CharField()
    count = serializers.IntegerField()


class FiguresSerializer(StrictSerializer):
    """The figures of a day."""

    date = serializers.DateField()
    total_slots = serializers.IntegerField(help_text="All slots, including cancelled ones.")
    total_tokens = serializers.IntegerField(help_text="All tokens, in any status.")
    confirmed_tokens = serializers.IntegerField(help_text="CONFIRMED, CHECKED_IN, CALLED or IN_CONSULTATION.")
    cancelled_tokens = serializers.IntegerField()
    no_show_tokens = serializers.IntegerField()
    completed_tokens = serializers.IntegerField()
    waitlisted = serializers.IntegerField(help_text="Waiting-list entries in status WAITING.")
    cancellation_rate = serializers.FloatField(help_text="Percent of total_tokens, 2 decimals.")
    no_show_rate = serializers.FloatField(help_text="Percent of total_tokens, 2 decimals.")
    capacity_utilization = serializers.FloatField(
        help_text="Seats held in percent of the capacity of slots not cancelled."
    )
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
    """The figures of a facility's day, in total and for each doctor."""

    doctors = DoctorFiguresSerializer(many=True, help_text="The doctors, in order of their names.")
