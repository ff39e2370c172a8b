"""The page at `/`."""

from csp.constants import NONE
from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe


@csrf_exempt
@require_safe
@csp_replace({"script-src": [NONE], "style-src": [NONE], "connect-src": [NONE], "form-action": [NONE]})
def front_page(request: HttpRequest) -> HttpResponse:
    """Say what this server is, with links for staff and for programs."""
    return render(request, "core/front.html", {"facility": settings.OPD_FACILITY_NAME})
