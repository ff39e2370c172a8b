"""Transactions; the only module that uses Django's `atomic`."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from core.db import retry


class CommitUnknown(OperationalError):
    """The connection was lost during COMMIT: it is unknown whether the changes were made."""


@contextmanager
def atomic(*, durable: bool = False, using: str | None = None) -> Iterator[None]:
    """Commit all changes of the block or none; with `durable`, refuse to run inside another block.

    Raises CommitUnknown if the connection is lost during the COMMIT of a durable block.
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
    """Run the block in a read-only transaction that sees one snapshot; refuse to run inside another block."""
    with atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def roll_back() -> None:
    """Roll the open block back when it ends; no further query may run in it."""
    transaction.set_rollback(True)


def is_atomic() -> bool:
    """Return whether a transaction is open."""
    return connection.in_atomic_block
