"""Signing in: passwords, tokens, keys, one-time codes."""

from datetime import timedelta
from typing import Any

from config.settings.env import env

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.PasswordBackend"]
PASSWORD_HASHERS = ["accounts.hashers.Argon2Hasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

SIMPLE_JWT: dict[str, Any] = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
}
OPD_JWT_AUDIENCE = env.str("OPD_JWT_AUDIENCE", default="opd")
OPD_JWT_ISSUER = env.str("OPD_JWT_ISSUER", default="opd")
# Browsers may get the refresh token as a __Host- cookie instead of in the body.
OPD_REFRESH_COOKIE = env.bool("OPD_REFRESH_COOKIE", default=False)
OPD_REQUIRE_STAFF_MFA = env.bool("OPD_REQUIRE_STAFF_MFA", default=False)

EMAIL_BACKEND = env.str("OPD_EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env.str("OPD_EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("OPD_EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.str("OPD_EMAIL_USER", default="")
EMAIL_HOST_PASSWORD = env.str("OPD_EMAIL_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("OPD_EMAIL_TLS", default=False)
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = env.str("OPD_EMAIL_FROM", default="opd@localhost")
