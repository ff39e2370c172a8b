"""The wiring: it may know everybody, and nobody may know it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
