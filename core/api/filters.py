"""The part of an address behind the `?`, read as strictly as a body."""

from typing import Any

from rest_framework import serializers

from core.api.messages import StrictSerializer
from core.api.request import ApiRequest


class QuerySerializer(StrictSerializer):
    """The filters that a list understands; one that is unknown or makes no sense is refused."""

    @classmethod
    def read(cls, request: ApiRequest, **context: Any) -> dict[str, Any]:
        """The filters given in this request, as values. Raises DRF's ValidationError."""
        return cls.read_body(dict(request.query_params.items()), **context)


class PagedQuerySerializer(QuerySerializer):
    """The filters of a list in pages; `page` and `page_size` themselves are read by core.api.pagination."""

    page = serializers.IntegerField(required=False, min_value=1, max_value=999_999_999, help_text="The page, from 1.")
    page_size = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=999_999_999,
        help_text="Things on a page: 50 unless given; more than 200 are cut to 200.",
    )

    @classmethod
    def read(cls, request: ApiRequest, **context: Any) -> dict[str, Any]:
        """The filters given in this request, without the page."""
        given = super().read(request, **context)
        given.pop("page", None)
        given.pop("page_size", None)
        return given
