"""Pages of lists: {count, next, previous, results}."""

import re
from typing import Any

from django.core.paginator import Paginator
from rest_framework.pagination import PageNumberPagination

from core.api.answers import Answer
from core.api.request import ApiRequest
from core.errors import ValidationFailed

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def _number(request: ApiRequest, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise ValidationFailed.of(name, "invalid", "A whole number from 1 is expected.")
    return int(text)


class Pages(PageNumberPagination):
    """Pages by number: at most 200 items each; a page after the last is not found."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"

    def get_page_size(self, request: Any) -> int:
        return min(_number(request, "page_size", 50), 200)

    def get_page_number(self, request: Any, paginator: Paginator) -> int:
        return _number(request, "page", 1)

    def get_paginated_response(self, data: Any) -> Answer:  # type: ignore[override]
        """Return the page: the total count, the URLs of the next and the previous page, and the items."""
        return Answer(
            200,
            {
                "count": self.page.paginator.count if self.page else 0,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "results": data,
            },
        )
