"""The ids in paths."""

from django.urls import register_converter
from django.urls.converters import UUIDConverter


class IdConverter(UUIDConverter):
    """A UUID written with hyphens in any letter case, as it is read in bodies and filters."""

    regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"


def register_id() -> None:
    """Make `<id:name>` known to `path()`."""
    register_converter(IdConverter, "id")
