"""Serializers of query strings, as strict as those of bodies."""

from functools import cache
from typing import Any

from rest_framework import serializers

from core.api.json_body import MAX_NAME, REPEATED
from core.api.request import ApiRequest
from core.api.serializers import StrictSerializer
from core.errors import ValidationFailed


class QuerySerializer(StrictSerializer):
    """The filters of a list; unknown, repeated or invalid ones are refused."""

    @classmethod
    def read(cls, request: ApiRequest, **context: Any) -> dict[str, Any]:
        """Return the validated filters of this request; raise DRF's ValidationError."""
        if not request.META.get("QUERY_STRING") and cls._accepts_nothing():
            return {}
        given = request.query_params
        for name, values in given.lists():
            if len(values) > 1:
                raise ValidationFailed.of(name[:MAX_NAME], "repeated", REPEATED)
        return cls.read_body(dict(given.items()), **context)

    @classmethod
    @cache
    def _accepts_nothing(cls) -> bool:
        """Return whether an empty query is valid and means no filter."""
        fields = cls._declared_fields.values()
        optional = all(not field.required and field.default is serializers.empty for field in fields)
        return optional and cls.validate is serializers.Serializer.validate


class PagedQuerySerializer(QuerySerializer):
    """The filters of a paginated list; `page` and `page_size` are read by core.api.pagination."""

    page = serializers.IntegerField(required=False, min_value=1, max_value=999_999_999, help_text="The page, from 1.")
    page_size = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=999_999_999,
        help_text="Items on a page: 50 by default, at most 200.",
    )

    @classmethod
    def read(cls, request: ApiRequest, **context: Any) -> dict[str, Any]:
        """Return the validated filters of this request, without those of the page."""
        given = super().read(request, **context)
        given.pop("page", None)
        given.pop("page_size", None)
        return given
