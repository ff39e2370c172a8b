"""Profile for tests: like local, with fast password hashing and no rate limits."""

from config.settings.local import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
OPD_THROTTLING = False
OPD_MAIL_IN_BACKGROUND = False
# Race tests open many connections in many short-lived threads; each closes its own.
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"]["OPTIONS"].pop("pool", None)
