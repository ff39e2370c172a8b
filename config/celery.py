"""The Celery application: tasks carry ids only and call the service; the schedule is in config/settings/celery.py."""

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
def _log_as_everybody(**_: Any) -> None:
    """Keep Celery from setting up its own logging: the settings say how lines look."""


@task_postrun.connect
def _show_that_tasks_run(**_: Any) -> None:
    """Touch a file after each task, so that a health check can see it without starting a program."""
    with contextlib.suppress(OSError):  # a data folder that this process may not write to has no such check
        (settings.DATA_DIR / "worker-alive").touch()
