"""The Celery application: tasks carry ids only and call the service; the schedule is in config/settings/celery.py."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("opd")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _log_as_everybody(**_: Any) -> None:
    """Keep Celery from setting up its own logging: the settings say how lines look."""
