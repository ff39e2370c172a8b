"""The wiring: it may import every other package, and none of them imports it."""

from config.celery import app as celery_app

VERSION = "1.0.0"

__all__ = ["VERSION", "celery_app"]
