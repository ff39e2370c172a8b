"""The limit of the view that books."""

from http import HTTPStatus

from django.http.response import HttpResponseBase

from accounts.limits.rates import PatientBookingThrottle, PrincipalThrottle
from core.api.commands import REPLAYED
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest


class BookingLimit(Endpoint):
    """Ten bookings by a patient in a quarter of an hour; what booked nothing or was answered before is not counted."""

    throttle_classes = [PrincipalThrottle, PatientBookingThrottle]

    def finish(self, request: ApiRequest, response: HttpResponseBase) -> None:
        """Give back what was counted before it was known how the request would end."""
        if response.status_code >= HTTPStatus.BAD_REQUEST or response.has_header(REPLAYED):
            PatientBookingThrottle.give_back(request)
