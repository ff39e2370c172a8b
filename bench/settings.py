"""The engine as in production, with one address more: the empty endpoint that is measured against."""

from config.settings.production import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
