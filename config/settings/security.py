"""Security: hosts, origins, proxies, internal networks, browser headers and session cookies."""

from ipaddress import ip_network
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.settings.env import env


def networks(name: str, *, default: list[str]) -> list[str]:
    """Return networks in CIDR notation from the environment."""
    given = [each.strip() for each in env.list(name, default=default)]
    try:
        for each in given:
            ip_network(each, strict=False)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be networks like 10.0.0.0/8, separated by commas.") from error
    return given


SECRET_KEY = env.str("OPD_SECRET_KEY", default="")
DEBUG = False
ALLOWED_HOSTS = env.list("OPD_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

CORS_ALLOWED_ORIGINS = env.list("OPD_CORS_ORIGINS", default=[])
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "if-match", "x-request-id"]
CORS_EXPOSE_HEADERS = ["etag", "idempotency-replayed", "retry-after", "x-request-id"]
CSRF_TRUSTED_ORIGINS = env.list("OPD_TRUSTED_ORIGINS", default=[])

# The number of trusted proxies in front of the engine: that many addresses of X-Forwarded-For are trusted.
OPD_NUM_PROXIES = env.int("OPD_NUM_PROXIES", default=0)
if OPD_NUM_PROXIES < 0:
    raise ImproperlyConfigured("OPD_NUM_PROXIES can't be negative.")
# Networks that may open /metrics and /admin/; if empty, all may.
OPD_INTERNAL_NETWORKS = networks("OPD_INTERNAL_NETWORKS", default=[])
OPD_REQUIRE_HTTPS = False

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# Only the admin site has sessions: 30 minutes without a request, 12 hours in all (accounts/auth/admin_sessions.py).
SESSION_ENGINE = "accounts.auth.admin_sessions"
SESSION_COOKIE_AGE = 30 * 60
SESSION_SAVE_EVERY_REQUEST = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "core.api.problem_details.csrf_failure"
