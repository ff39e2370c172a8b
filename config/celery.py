"""The Celery application. Tasks carry only ids and call the service; the schedule is in config/settings/celery.py."""

import contextlib
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("opd")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_logging_settings(**_: Any) -> None:
    """Prevent Celery from configuring logging: a receiver of this signal disables that, so LOGGING applies."""


@task_postrun.connect
def _touch_alive_file(**_: Any) -> None:
    """Touch a file after each task, so that a health check can look at its age without starting a program."""
    with contextlib.suppress(OSError):  # without write permission in the data folder there is no such check
        (settings.DATA_DIR / "worker-alive").touch()
