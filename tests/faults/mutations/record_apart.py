"""The answer to an Idempotency-Key is kept in a transaction of its own, after the one that made the change."""

from datetime import timedelta
from typing import Any

from django.db import transaction

from config.wsgi import application
from core.api import idempotency
from tests.faults.mutations.dying import die_once

__all__ = ["application"]

complete = idempotency.complete


def complete_later(held: Any, answer: Any) -> None:
    def after_the_commit() -> None:
        if answer.status == 201:  # a new token, which nobody asks for twice unnoticed
            die_once()
        complete(held, answer)

    transaction.on_commit(after_the_commit)


idempotency.complete = complete_later
idempotency.LEASE = timedelta(seconds=1)  # so that the short test need not wait for the key
