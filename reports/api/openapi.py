"""The OpenAPI descriptions of reports."""

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view

from reports.api.serializers import DailyFilters, DailyReportSerializer

_FIGURES = {
    "date": "2026-03-02",
    "total_slots": 1,
    "total_tokens": 4,
    "confirmed_tokens": 1,
    "cancelled_tokens": 1,
    "no_show_tokens": 0,
    "completed_tokens": 2,
    "waitlisted": 0,
    "cancellation_rate": 25.0,
    "no_show_rate": 0.0,
    "capacity_utilization": 60.0,
    "category_breakdown": [{"category": "ONLINE", "count": 3}, {"category": "WALKIN", "count": 1}],
    "status_breakdown": [
        {"status": "CHECKED_IN", "count": 1},
        {"status": "COMPLETED", "count": 2},
        {"status": "CANCELLED", "count": 1},
    ],
}
_DAY = OpenApiExample(
    "A short day",
    response_only=True,
    value={
        **_FIGURES,
        "doctors": [
            {"doctor": "01957a51-2b7c-7c31-9c39-0c2f1f6d3a10", "doctor_name": "Dr. Meera Iyer", **_FIGURES},
        ],
    },
)

daily = extend_schema_view(
    get=extend_schema(
        tags=["Report"],
        operation_id="reports_daily",
        summary="The figures of a day",
        description=(
            "The figures of the facility's local day, in total and for each doctor. The report of a day that is over is"
            " stored at night; it changes only if a slot of that day changes. A DOCTOR gets the figures of their own"
            " slots."
        ),
        parameters=[DailyFilters],
        responses={200: DailyReportSerializer},
        examples=[_DAY],
    ),
)
