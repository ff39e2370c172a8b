"""The limit of the view that books."""

from http import HTTPStatus
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.limits.rates import PatientBookingThrottle, PrincipalThrottle


class BookingLimit(APIView):
    """Ten bookings by a patient in a quarter of an hour; what booked nothing or was answered before is not counted."""

    throttle_classes = [PrincipalThrottle, PatientBookingThrottle]

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Give back what was counted before it was known how the request would end."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code >= HTTPStatus.BAD_REQUEST or response.has_header("Idempotency-Replayed"):
            PatientBookingThrottle.give_back(request)
        return response
