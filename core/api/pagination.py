"""Pages of lists: {count, next, previous, results}."""

import re

from django.core.paginator import Paginator
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

from core.errors import ValidationFailed

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise ValidationFailed.of(name, "invalid", "A whole number from 1 is expected.")
    return int(text)


class Pages(PageNumberPagination):
    """Pages by number; a larger page size than 200 is cut, a page beyond the last is not found."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"

    def get_page_size(self, request: Request) -> int:
        return min(_number(request, "page_size", 50), 200)

    def get_page_number(self, request: Request, paginator: Paginator) -> int:
        return _number(request, "page", 1)
