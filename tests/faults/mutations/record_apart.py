"""Mutation: store the response to an Idempotency-Key in a separate transaction after the change."""

from collections.abc import Sequence
from contextlib import suppress

from django.db import transaction

from config.wsgi import application
from core.api import idempotency
from core.api.idempotency import Key, KeyTaken, Stored
from tests.faults.mutations.dying import die_once

__all__ = ["application"]

keep = idempotency.store


def keep_later(answers: Sequence[tuple[Key, Stored]]) -> None:
    def after_the_commit() -> None:
        if any(stored.status == 201 for _, stored in answers):  # a new token: a repeated booking would be noticed
            die_once()
        with suppress(KeyTaken):
            keep(answers)

    transaction.on_commit(after_the_commit)


idempotency.store = keep_later
