"""The tables that hold the rows of a facility."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Model, QuerySet

from core.models import IdempotencyRecord

_NOT_DATA = (IdempotencyRecord,)
"""Copies of answers, which are deleted after a day."""


def tables_of_a_facility() -> Iterator[type[Model]]:
    """Return the models whose rows belong to one facility, by their column `facility_id`."""
    for model in apps.get_models():
        columns = {field.attname for field in model._meta.concrete_fields}
        if "facility_id" in columns and model not in _NOT_DATA and model._meta.managed:
            yield model


def rows_of(model: type[Model], facility_id: UUID) -> QuerySet[Any]:
    """Return the rows of a facility in one of its tables."""
    return model._base_manager.filter(facility_id=facility_id)
