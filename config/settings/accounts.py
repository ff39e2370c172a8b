"""Identity: which users, how passwords are hashed, how long tokens live, what a hospital may demand of its staff."""

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
        # It counts letters in any order: Django's 0.7 refuses long passwords that share a number with the name.
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
# Audience and issuer of every token: one made for another system with the same key opens nothing here.
OPD_JWT_ISSUER = env.str("OPD_JWT_ISSUER", default="opd")
OPD_JWT_AUDIENCE = env.str("OPD_JWT_AUDIENCE", default="opd-api")

# Whether staff must have a second factor before they may do anything else.
OPD_REQUIRE_STAFF_MFA = env.bool("OPD_REQUIRE_STAFF_MFA", default=False)
# Whether the refresh token travels in a cookie that scripts can't read, instead of in the body.
OPD_REFRESH_COOKIE = env.bool("OPD_REFRESH_COOKIE", default=False)

# The history of users and keys: the database itself refuses to change or remove what it has recorded.
PGHISTORY_APPEND_ONLY = True
PGHISTORY_BASE_MODEL = "core.db.history.Event"

# Browsers on the origins of OPD_CORS_ORIGINS may send the cookie.
CORS_ALLOW_CREDENTIALS = OPD_REFRESH_COOKIE


def _mail(name: str, default: str) -> str:
    """OPD_EMAIL_<name> or, as other Django sites call it, EMAIL_<name>."""
    return env.str(f"OPD_EMAIL_{name}", default=env.str(f"EMAIL_{name}", default=default))


def mail_backend(without_a_server: str) -> str:
    """How mail goes out: as the environment says, by SMTP if it names a server, else as the profile wants."""
    return _mail("BACKEND", _SMTP if EMAIL_HOST else without_a_server)


# Where codes are sent from. Where no server is named, the local profile prints them on the console.
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
# Mails are handed to a thread, so that the answer takes no longer for an address that exists.
OPD_MAIL_IN_BACKGROUND = True
