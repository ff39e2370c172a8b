"""The refresh token in a cookie that no script can read, for browsers (OPD_REFRESH_COOKIE)."""

from http.cookies import SimpleCookie

from django.conf import settings
from rest_framework.exceptions import UnsupportedMediaType, ValidationError

from accounts.auth.jwt import RefreshToken
from core.api.request import ApiRequest
from core.errors import PermissionDenied

# The prefix makes browsers insist on Secure, on Path=/ and on no Domain: no sister host can plant this cookie.
NAME = "__Host-opd-refresh"


def refresh_cookie(token: str) -> dict[str, str]:
    """The header that gives the browser its refresh token; an empty token takes the cookie back."""
    cookie: SimpleCookie = SimpleCookie({NAME: token})
    morsel = cookie[NAME]
    morsel["path"], morsel["samesite"] = "/", "Strict"
    morsel["secure"] = morsel["httponly"] = True
    morsel["max-age"] = int(RefreshToken.lifetime.total_seconds()) if token else 0
    return {"Set-Cookie": morsel.OutputString()}


def cleared_cookie() -> dict[str, str]:
    """The header that takes the cookie back, where cookies are used."""
    return refresh_cookie("") if settings.OPD_REFRESH_COOKIE else {}


def refresh_of(request: ApiRequest, given: str | None) -> str:
    """The refresh token of the body or, where cookies are used, of the cookie; 400 if there is none."""
    if given:
        return given
    token = request.COOKIES.get(NAME) if settings.OPD_REFRESH_COOKIE else None
    if not token:
        raise ValidationError({"refresh": "This field is required."}, code="required")
    _refuse_other_sites(request)
    return token


def _refuse_other_sites(request: ApiRequest) -> None:
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
