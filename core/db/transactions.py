"""The one wrapper of Django's transactions."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from core.db import retry


class CommitUnknown(OperationalError):
    """The connection was lost while COMMIT was on its way: whether the changes were made is not known."""


@contextmanager
def atomic(*, durable: bool = False, using: str | None = None) -> Iterator[None]:
    """All of the block's changes or none; with `durable`, refuses to run inside another block.

    Raises CommitUnknown if a durable block ends and its COMMIT gets no answer.
    """
    ended = False
    try:
        with transaction.atomic(durable=durable, using=using):
            yield
            ended = True
    except (DatabaseError, InterfaceError) as error:
        if ended and durable and retry.lost_connection(error):
            raise CommitUnknown(*error.args) from error
        raise


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
