"""The refresh token in a cookie that no script can read, for browsers (OPD_REFRESH_COOKIE)."""

from django.conf import settings
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.jwt import RefreshToken

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
    token = given or (request.COOKIES.get(NAME) if settings.OPD_REFRESH_COOKIE else None)
    if not token:
        raise ValidationError({"refresh": "This field is required."}, code="required")
    return token
