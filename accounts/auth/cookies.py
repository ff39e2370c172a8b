"""The refresh token in a cookie that no script can read, for browsers (OPD_REFRESH_COOKIE)."""

from django.conf import settings
from rest_framework.exceptions import UnsupportedMediaType, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.auth.jwt import RefreshToken
from core.errors import PermissionDenied

# The prefix makes browsers insist on Secure, on Path=/ and on no Domain: no sister host can plant this cookie.
NAME = "__Host-opd-refresh"


def set_refresh(response: Response, token: str) -> None:
    """Give the browser its refresh token."""
    response.set_cookie(
        NAME,
        token,
        max_age=RefreshToken.lifetime,
        path="/",
        secure=True,
        httponly=True,
        samesite="Strict",
    )


def clear_refresh(response: Response) -> None:
    """Take the cookie back, where cookies are used."""
    if settings.OPD_REFRESH_COOKIE:
        response.set_cookie(NAME, "", max_age=0, path="/", secure=True, httponly=True, samesite="Strict")


def refresh_of(request: Request, given: str | None) -> str:
    """The refresh token of the body or, where cookies are used, of the cookie; 400 if there is none."""
    if given:
        return given
    token = request.COOKIES.get(NAME) if settings.OPD_REFRESH_COOKIE else None
    if not token:
        raise ValidationError({"refresh": "This field is required."}, code="required")
    _refuse_other_sites(request)
    return token


def _refuse_other_sites(request: Request) -> None:
    """Refuse what a page of another host can make a browser send: forms (415), and requests of its scripts (403).

    SameSite does not help against a sister host. A client that sends neither Origin nor Sec-Fetch-Site is no browser.
    """
    if request.content_type.split(";")[0].strip() != "application/json":
        raise UnsupportedMediaType(request.content_type)
    origin = request.headers.get("Origin")
    if origin is None:
        allowed = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
    else:
        own = f"{request.scheme}://{request.get_host()}"
        allowed = origin in {own, *settings.CORS_ALLOWED_ORIGINS, *settings.CSRF_TRUSTED_ORIGINS}
    if not allowed:
        raise PermissionDenied("The session's cookie is not accepted from pages of another host.")
