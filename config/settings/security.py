"""Who may talk to us and what a browser may do with the answers."""

from typing import Any

from csp.constants import NONE, SELF

from config.settings.env import env

SECRET_KEY = env.str("OPD_SECRET_KEY", default="")
DEBUG = False
ALLOWED_HOSTS = env.list("OPD_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

CORS_ALLOWED_ORIGINS = env.list("OPD_CORS_ORIGINS", default=[])
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "if-match", "x-request-id"]
CORS_EXPOSE_HEADERS = ["etag", "idempotency-replayed", "retry-after", "x-request-id"]
CSRF_TRUSTED_ORIGINS = env.list("OPD_TRUSTED_ORIGINS", default=[])

OPD_NUM_PROXIES = env.int("OPD_NUM_PROXIES", default=0)
OPD_INTERNAL_NETWORKS = env.list("OPD_INTERNAL_NETWORKS", default=[])
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
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "core.problem_details.csrf_failure"
