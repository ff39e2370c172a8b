"""facilities/{id}/logo/: the only endpoint whose body is multipart and whose answer is an image."""

from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from accounts.access.principal import principal_of
from accounts.access.scoping import refuse_other_facility
from accounts.audit.read_trail import attributed
from clinics.api.schema import facility_logo
from clinics.api.serializers import FacilitySerializer
from clinics.logos import delete_logo, reencoded, set_logo
from clinics.models import Facility, FacilityLogo
from core.api.answers import Answer
from core.api.commands import write_rows
from core.api.endpoint import ACCEPTED, Endpoint
from core.api.etags import is_named
from core.api.request import ApiRequest
from core.errors import NotFound

_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Disposition": 'inline; filename="logo.png"',
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
"""A browser shows the file as an image and nothing else, and asks on each use whether its copy is current."""


@facility_logo
class LogoView(Endpoint):
    """The logo of a facility."""

    capabilities = {"GET": "facilities.read", "POST": "facilities.write", "DELETE": "facilities.write"}
    queryset = Facility.objects.none()
    accepted = ACCEPTED | {"image/*", "image/png"}

    def get(self, request: ApiRequest, facility_id: UUID) -> HttpResponse:
        refuse_other_facility(principal_of(request), facility_id)
        logo = FacilityLogo.objects.filter(facility_id=facility_id).first()
        if logo is None:
            raise NotFound
        headers = _HEADERS | {"ETag": f'"{logo.digest[:32]}"', "Vary": "Authorization"}
        if is_named(logo.digest[:32], request.META.get("HTTP_IF_NONE_MATCH")):
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(bytes(logo.content), content_type="image/png", headers=headers)

    def post(self, request: ApiRequest, facility_id: UUID) -> Answer:
        refuse_other_facility(principal_of(request), facility_id)
        png = reencoded(request.upload("logo"))
        return self._write(request, partial(set_logo, facility_id=facility_id, png=png), _facility)

    def delete(self, request: ApiRequest, facility_id: UUID) -> Answer:
        refuse_other_facility(principal_of(request), facility_id)
        return self._write(request, partial(delete_logo, facility_id=facility_id), lambda nothing: Answer(204))

    def _write(self, request: ApiRequest, work: Any, form: Any) -> Answer:
        with attributed(request):
            return write_rows(request, work, form)


def _facility(facility: Facility) -> Answer:
    return Answer(200, FacilitySerializer(facility).data)
