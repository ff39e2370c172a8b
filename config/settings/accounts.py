"""Identity: which users, how passwords are hashed, how long tokens live, what a hospital may demand of its staff."""

from datetime import timedelta
from typing import Any

from config.settings.env import env

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.PasswordBackend"]
PASSWORD_HASHERS = ["accounts.hashers.Argon2Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
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

# Mail: OPD_EMAIL_BACKEND says how (default: printed on the console locally, SMTP in production), the rest says where.
EMAIL_HOST = env.str("OPD_EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("OPD_EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.str("OPD_EMAIL_USER", default="")
EMAIL_HOST_PASSWORD = env.str("OPD_EMAIL_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("OPD_EMAIL_TLS", default=False)
EMAIL_USE_SSL = env.bool("OPD_EMAIL_SSL", default=False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("OPD_EMAIL_FROM", default="opd@localhost")
# Mails are handed to a thread, so that the answer takes no longer for an address that exists.
OPD_MAIL_IN_BACKGROUND = True
