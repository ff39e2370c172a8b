"""The answer to an Idempotency-Key is kept in a transaction of its own, after the one that made the change."""

import time
from datetime import timedelta
from typing import Any

from django.db import transaction

from config.wsgi import application
from core import idempotency

__all__ = ["application"]

complete = idempotency.complete


def complete_later(held: Any, answer: Any) -> None:
    def after_the_commit() -> None:
        time.sleep(0.08)  # the gap between the two is wide enough to be hit by a short test
        complete(held, answer)

    transaction.on_commit(after_the_commit)


idempotency.complete = complete_later
idempotency.LEASE = timedelta(seconds=1)  # so that the short test need not wait for the key
