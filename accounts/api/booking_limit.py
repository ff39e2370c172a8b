"""The rate limit of the booking view."""

from http import HTTPStatus

from django.http.response import HttpResponseBase

from accounts.limits.rates import PatientBookingThrottle, PrincipalThrottle
from core.api.commands import REPLAYED
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest


class BookingLimit(Endpoint):
    """Limit a patient to ten bookings in 15 minutes; failed and replayed requests are not counted."""

    throttle_classes = [PrincipalThrottle, PatientBookingThrottle]

    def finish(self, request: ApiRequest, response: HttpResponseBase) -> None:
        """Subtract the request from the count if it failed or was replayed."""
        if response.status_code >= HTTPStatus.BAD_REQUEST or response.has_header(REPLAYED):
            PatientBookingThrottle.refund(request)
