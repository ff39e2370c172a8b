"""Mutation: write the events after the commit of the change that they describe."""

from collections.abc import Sequence

from django.db import transaction

from config.wsgi import application
from core.db.sql import Statement, send
from core.db.transactions import atomic
from events.models import Event
from tests.faults.mutations.dying import die_once
from tokens.engine import ledger

__all__ = ["application"]

appending = ledger.appending


def append_later(events: Sequence[Event]) -> list[Statement]:
    def after_the_commit() -> None:
        die_once()
        with atomic():
            send(appending(events))

    transaction.on_commit(after_the_commit)
    return []


ledger.appending = append_later
