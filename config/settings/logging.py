"""Logging: JSON lines with a request id, without patients' data."""

from typing import Any

from config.settings.env import env

_level = env.str("OPD_LOG_LEVEL", default="INFO")

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "core.observability.logs.json_formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": _level},
    "loggers": {
        # Django's own lines contain query strings; core.api.middleware writes the access log instead.
        "django.request": {"level": "CRITICAL", "propagate": True},
        "django.server": {"level": "CRITICAL", "propagate": True},
    },
}
