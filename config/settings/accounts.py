"""Accounts: user model, passwords, token lifetimes, options for staff sign-in, and mail."""

from datetime import timedelta
from typing import Any

from config.settings.env import env

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.auth.backends.PasswordBackend"]
PASSWORD_HASHERS = ["accounts.auth.hashers.Argon2Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.auth.passwords.VisibleLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        # The validator compares letters in any order: Django's default of 0.7 refuses long passwords that share a
        # number with the name.
        "OPTIONS": {"user_attributes": ("username", "email", "person_names"), "max_similarity": 0.8},
    },
    {"NAME": "accounts.auth.passwords.GuessablePasswordValidator"},
]

SIMPLE_JWT: dict[str, Any] = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "USER_ID_CLAIM": "sub",
    "TOKEN_TYPE_CLAIM": "typ",
}
# Audience and issuer of every token: tokens for another system with the same signing key are rejected.
OPD_JWT_ISSUER = env.str("OPD_JWT_ISSUER", default="opd")
OPD_JWT_AUDIENCE = env.str("OPD_JWT_AUDIENCE", default="opd-api")

# Whether staff must set up a second factor before they may do anything else.
OPD_REQUIRE_STAFF_MFA = env.bool("OPD_REQUIRE_STAFF_MFA", default=False)
# Whether the refresh token is sent in an HttpOnly cookie instead of in the body.
OPD_REFRESH_COOKIE = env.bool("OPD_REFRESH_COOKIE", default=False)

# History tables of users and keys: database triggers reject UPDATE and DELETE of recorded rows.
PGHISTORY_APPEND_ONLY = True
PGHISTORY_BASE_MODEL = "core.db.history.Event"

# Browsers on the origins of OPD_CORS_ORIGINS may send the cookie.
CORS_ALLOW_CREDENTIALS = OPD_REFRESH_COOKIE


def _mail(name: str, default: str) -> str:
    """Return OPD_EMAIL_<name> or, under the name that other Django sites use, EMAIL_<name>."""
    return env.str(f"OPD_EMAIL_{name}", default=env.str(f"EMAIL_{name}", default=default))


def mail_backend(without_a_server: str) -> str:
    """Return the mail backend: the one in the environment, SMTP if a server is set, else the profile's default."""
    return _mail("BACKEND", _SMTP if EMAIL_HOST else without_a_server)


# The mail server for one-time codes. If none is set, the local profile prints mails on the console.
_SMTP = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _mail("HOST", "")
EMAIL_BACKEND = mail_backend(_SMTP)
EMAIL_PORT = int(_mail("PORT", "25"))
EMAIL_HOST_USER = _mail("HOST_USER", _mail("USER", ""))
EMAIL_HOST_PASSWORD = _mail("HOST_PASSWORD", _mail("PASSWORD", ""))
EMAIL_USE_TLS = _mail("USE_TLS", _mail("TLS", "off")).lower() in {"on", "true", "yes", "1"}
EMAIL_USE_SSL = _mail("USE_SSL", _mail("SSL", "off")).lower() in {"on", "true", "yes", "1"}
EMAIL_FILE_PATH = _mail("FILE_PATH", "") or None
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = _mail("FROM", "opd@localhost")
# Mails are sent by a separate thread, so that the response time does not reveal whether an address exists.
OPD_MAIL_IN_BACKGROUND = True
