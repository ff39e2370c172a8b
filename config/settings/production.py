"""Profile for production: refuses to start with defaults that an attacker would know."""

from django.core.exceptions import ImproperlyConfigured

from config.settings.accounts import *
from config.settings.api import *
from config.settings.base import *
from config.settings.celery import *
from config.settings.database import *
from config.settings.env import env
from config.settings.logging import *
from config.settings.redis import *
from config.settings.rules import *
from config.settings.security import *

for _name in ("OPD_SECRET_KEY", "OPD_ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"):
    if not env.str(_name, default="").strip():
        raise ImproperlyConfigured(f"{_name} must be set in production.")
if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10:
    raise ImproperlyConfigured("OPD_SECRET_KEY must be random and at least 50 characters long.")
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("OPD_ALLOWED_HOSTS must name the hosts, not '*'.")

OPD_REQUIRE_HTTPS = env.bool("OPD_REQUIRE_HTTPS", default=True)
OPD_INTERNAL_NETWORKS = networks("OPD_INTERNAL_NETWORKS", default=["127.0.0.0/8", "::1/128"])
# Pages are redirected to HTTPS; core.api.middleware rejects API requests without it before that. Health checks and
# metrics are requested from the internal network and are exempt.
SECURE_SSL_REDIRECT = OPD_REQUIRE_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz/", r"^metrics$"]
SECURE_HSTS_SECONDS = 63_072_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
if OPD_NUM_PROXIES > 0:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
