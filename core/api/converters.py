"""The path converter for ids."""

from django.urls import register_converter
from django.urls.converters import UUIDConverter


class IdConverter(UUIDConverter):
    """A UUID with hyphens, in any letter case, as bodies and filters accept it."""

    regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"


def register_id() -> None:
    """Register the converter, for `<id:name>` in `path()`."""
    register_converter(IdConverter, "id")
