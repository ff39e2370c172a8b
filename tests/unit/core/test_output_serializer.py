"""Messages that the API only sends: written as they are declared."""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from rest_framework import serializers

from core.api.serializers import OutputSerializer

AN_ID = UUID("0192e0c5-7b1a-7c3e-9f00-2b6d3a1c4e5f")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Visit(OutputSerializer):
    id = serializers.UUIDField()
    patient = serializers.UUIDField(source="patient_id", allow_null=True)
    position = serializers.IntegerField()
    priority = serializers.FloatField()
    at = serializers.DateTimeField(allow_null=True)


def a_row(**facts: object) -> SimpleNamespace:
    return SimpleNamespace(**{"id": AN_ID, "patient_id": None, "priority": Decimal("4.80"), "at": NOON, **facts})


def test_the_fields_are_written_in_the_order_of_their_declaration() -> None:
    body = Visit.write(a_row(patient_id=AN_ID), zone=ZoneInfo("Asia/Kolkata"), position=3)
    assert list(body.items()) == [
        ("id", str(AN_ID)),
        ("patient", str(AN_ID)),
        ("position", 3),
        ("priority", 4.8),
        ("at", "2026-03-02T17:30:00+05:30"),
    ]


def test_nothing_stays_nothing_and_without_a_zone_a_time_keeps_its_own() -> None:
    assert Visit.write(a_row(at=None), position=1)["patient"] is None
    assert Visit.write(a_row(at=None), position=1)["at"] is None
    assert Visit.write(a_row(), position=1)["at"] == "2026-03-02T12:00:00+00:00"


def test_a_field_that_is_missing_or_not_declared_is_an_error() -> None:
    with pytest.raises(AttributeError, match="position"):
        Visit.write(a_row())
    with pytest.raises(TypeError, match="colour"):
        Visit.write(a_row(), position=1, colour="red")
