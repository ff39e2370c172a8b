"""Authentication of boards and kiosks, by key or by the cookie of the paired browser."""

from http.cookies import SimpleCookie
from typing import Any, ClassVar

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from accounts.access.principal import Principal
from accounts.auth.cookies import refuse_other_sites
from core.api.request import ApiRequest
from live import devices
from live.models import Board, Device, Kiosk

MAX_KEY = 256
COOKIE_DAYS = 400  # browsers keep no cookie longer
_SCHEMES: dict[str, type[Device]] = {"board": Board, "kiosk": Kiosk}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Found = tuple[AnonymousUser, Principal]


class DeviceKeyAuthentication(BaseAuthentication):
    """Authenticate by `Authorization: Board <key>` or `Authorization: Kiosk <key>`; the device is `request.device`.

    Every route accepts these keys as credentials, so that it can answer that the device may not call it.
    """

    def authenticate(self, request: Any) -> Found | None:
        """Return the principal of the device; raise AuthenticationFailed (401) for an unknown key."""
        scheme, _, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        model = _SCHEMES.get(scheme.lower())
        if model is None:
            return None
        device = devices.with_key(model, key) if len(key) <= MAX_KEY else None
        if device is None:
            raise AuthenticationFailed("The key is not valid.")
        return _principal(request, scheme.lower(), device)

    def authenticate_header(self, request: Any) -> str:
        """Return the value of WWW-Authenticate in a 401 response."""
        return 'Board realm="api"'


class CookieAuthentication(BaseAuthentication):
    """Authenticate the browser that is paired with a device of this kind. Only the device's own routes use it."""

    kind: ClassVar[str]

    def authenticate(self, request: Any) -> Found | None:
        """Return the principal of the device, or None without a paired cookie; refuse pages of other hosts."""
        secret = cookie_of(request, self.kind)
        device = devices.with_cookie(_SCHEMES[self.kind], secret) if secret else None
        if device is None:
            return None
        if request.method not in _SAFE:
            refuse_other_sites(request)
        return _principal(request, self.kind, device)


class BoardCookieAuthentication(CookieAuthentication):
    """Authenticate the browser of a board."""

    kind = "board"


class KioskCookieAuthentication(CookieAuthentication):
    """Authenticate the browser of a kiosk."""

    kind = "kiosk"


def cookie_of(request: ApiRequest, kind: str) -> str | None:
    """Return the cookie of the browser of a board or a kiosk."""
    secret: str | None = request.COOKIES.get(_cookie_name(kind, secure=request.is_secure()))
    return secret if secret and len(secret) <= MAX_KEY else None


def set_cookie(request: ApiRequest, kind: str, secret: str) -> dict[str, str]:
    """Return the Set-Cookie header for the browser of a board or a kiosk."""
    secure = request.is_secure()
    name = _cookie_name(kind, secure=secure)
    cookie: SimpleCookie = SimpleCookie({name: secret})
    morsel = cookie[name]
    morsel["path"], morsel["samesite"] = "/", "Strict"
    morsel["httponly"], morsel["max-age"] = True, COOKIE_DAYS * 24 * 3600
    if secure:
        morsel["secure"] = True
    return {"Set-Cookie": morsel.OutputString()}


def _cookie_name(kind: str, *, secure: bool) -> str:
    """Return the name of the cookie. Over HTTPS, no sibling host can set one with its prefix."""
    return f"__Host-opd-{kind}" if secure else f"opd-{kind}"


def _principal(request: Any, kind: Any, device: Device) -> Found:
    request.device = device
    return AnonymousUser(), Principal(kind=kind, id=device.pk, own_facility_id=device.facility_id)
