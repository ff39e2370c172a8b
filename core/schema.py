"""The OpenAPI description's shared parts."""

from drf_spectacular.openapi import AutoSchema


class OperationSchema(AutoSchema):
    """An operation with everything that is the same for all of them."""
