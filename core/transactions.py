"""The one wrapper of Django's transactions."""

from contextlib import AbstractContextManager

from django.db import connection, transaction


def atomic(*, durable: bool = False) -> AbstractContextManager[None]:
    """All of the block's changes or none; with `durable`, refuses to run inside another block."""
    return transaction.atomic(durable=durable)


def is_atomic() -> bool:
    """Whether a transaction is open."""
    return connection.in_atomic_block
