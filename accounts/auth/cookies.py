"""The refresh token in an HttpOnly cookie, for browsers (OPD_REFRESH_COOKIE)."""

from http.cookies import SimpleCookie

from django.conf import settings
from rest_framework.exceptions import UnsupportedMediaType, ValidationError

from accounts.auth.jwt import RefreshToken
from core.api.request import ApiRequest
from core.errors import PermissionDenied

# With this prefix, browsers require Secure, Path=/ and no Domain, so that no sibling host can set the cookie.
NAME = "__Host-opd-refresh"


def refresh_cookie(token: str) -> dict[str, str]:
    """Return the Set-Cookie header with the refresh token; an empty token deletes the cookie."""
    cookie: SimpleCookie = SimpleCookie({NAME: token})
    morsel = cookie[NAME]
    morsel["path"], morsel["samesite"] = "/", "Strict"
    morsel["secure"] = morsel["httponly"] = True
    morsel["max-age"] = int(RefreshToken.lifetime.total_seconds()) if token else 0
    return {"Set-Cookie": morsel.OutputString()}


def cleared_cookie() -> dict[str, str]:
    """Return the Set-Cookie header that deletes the cookie; no header if cookies are not used."""
    return refresh_cookie("") if settings.OPD_REFRESH_COOKIE else {}


def refresh_of(request: ApiRequest, body_token: str | None) -> str:
    """Return the refresh token of the body, or of the cookie if cookies are used; raise ValidationError without one."""
    if body_token:
        return body_token
    token = request.COOKIES.get(NAME) if settings.OPD_REFRESH_COOKIE else None
    if not token:
        raise ValidationError({"refresh": "This field is required."}, code="required")
    refuse_other_sites(request)
    return token


def refuse_other_sites(request: ApiRequest) -> None:
    """Refuse requests that a page of another host can make a browser send: forms (415) and script requests (403).

    SameSite does not protect against a sibling host. A client without Origin and Sec-Fetch-Site is not a browser.
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
