"""Settings, URLs and entry points. This package may import all others; no other package imports it."""

from config.celery import app as celery_app

VERSION = "1.0.0"

__all__ = ["VERSION", "celery_app"]
