"""The rate limit of the booking view."""

from http import HTTPStatus

from django.http.response import HttpResponseBase
from rest_framework.exceptions import Throttled

from accounts.limits.rates import PatientBookingThrottle, PrincipalThrottle
from core.api import idempotency
from core.api.commands import REPLAYED
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest


class BookingLimit(Endpoint):
    """Limit a patient to ten bookings in 15 minutes; failed and replayed requests are not counted."""

    throttle_classes = [PrincipalThrottle]

    def admit(self, request: ApiRequest) -> None:
        """Raise Throttled above the patient's limit, unless the request repeats one that was answered."""
        super().admit(request)
        throttle = PatientBookingThrottle()
        if not throttle.allow_request(request, self):
            key = idempotency.key_of(request)
            if key is None or idempotency.find(key) is None:
                raise Throttled(throttle.wait())

    def finish(self, request: ApiRequest, response: HttpResponseBase) -> None:
        """Subtract the request from the count if it failed or was replayed."""
        if response.status_code >= HTTPStatus.BAD_REQUEST or response.has_header(REPLAYED):
            PatientBookingThrottle.refund(request)
