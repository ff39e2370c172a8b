"""The one wrapper of Django's transactions."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import connection, transaction


def atomic(*, durable: bool = False, using: str | None = None) -> AbstractContextManager[None]:
    """All of the block's changes or none; with `durable`, refuses to run inside another block."""
    return transaction.atomic(durable=durable, using=using)


@contextmanager
def snapshot() -> Iterator[None]:
    """Everything read inside the block is of one moment, and nothing is written; refuses to run inside another."""
    with atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def roll_back() -> None:
    """Let the block that is open end without its changes; nothing can be asked of the database in it any more."""
    transaction.set_rollback(True)


def is_atomic() -> bool:
    """Whether a transaction is open."""
    return connection.in_atomic_block
