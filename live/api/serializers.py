"""The bodies of boards, kiosks and tracking links."""

from core.api.serializers import StrictIntegerField, StrictSerializer

MAX_PLACES = 10


class NothingRequest(StrictSerializer):
    """An empty body."""


class LetPassRequest(StrictSerializer):
    """How many of those behind may go first."""

    places = StrictIntegerField(min_value=1, max_value=MAX_PLACES)
