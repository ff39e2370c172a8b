"""The production settings of the engine, with the URL of an empty endpoint for comparison."""

from config.settings.production import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
