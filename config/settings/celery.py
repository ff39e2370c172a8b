"""Celery: tasks carry only ids, may run twice, and are stopped when they exceed the time limit."""

from typing import Any

from celery.schedules import crontab

from config.settings.base import TIME_ZONE
from config.settings.redis import REDIS_URL, REDIS_WATCHED
from config.settings.rules import OPD_SWEEP_SECONDS

CELERY_BROKER_URL = REDIS_WATCHED.broker_url if REDIS_WATCHED else REDIS_URL
CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 50
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "opd"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "visibility_timeout": 300,
    "socket_timeout": 30,
    "socket_keepalive": True,
}
if REDIS_WATCHED:
    CELERY_BROKER_TRANSPORT_OPTIONS |= {
        "master_name": REDIS_WATCHED.name,
        "sentinel_kwargs": {"password": REDIS_WATCHED.sentinel_password, "socket_timeout": 2.0},
    }

# A sweep that has not run before the next one is due expires, so that sweeps do not pile up while no worker runs.
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "sweep": {
        "task": "tokens.tasks.sweep",
        "schedule": OPD_SWEEP_SECONDS,
        "options": {"expires": max(OPD_SWEEP_SECONDS, 5.0)},
    },
    # Hourly instead of nightly: a facility may be in another time zone, a slot may end after midnight, and a machine
    # that is off at night would never run it. A stored day is not computed again.
    "daily-reports": {"task": "reports.tasks.store_daily_reports", "schedule": crontab(minute=20)},
    "consume-events": {
        "task": "events.tasks.consume",
        "schedule": OPD_SWEEP_SECONDS,
        "options": {"expires": max(OPD_SWEEP_SECONDS, 5.0)},
    },
    "seal-read-trail": {"task": "accounts.tasks.seal_reads", "schedule": 60.0, "options": {"expires": 55.0}},
    "tidy-accounts": {"task": "accounts.tasks.tidy", "schedule": crontab(minute=17)},
    "tidy-live": {"task": "live.tasks.tidy", "schedule": crontab(minute=27)},
    "prune-idempotency-records": {"task": "core.tasks.prune_idempotency_records", "schedule": crontab(minute=7)},
}
