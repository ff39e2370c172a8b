"""manage.py verify_log"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit.read_trail import verify_read_trail
from core.db.transactions import snapshot
from tokens.audit.verify import bad_rows


class Command(BaseCommand):
    """Checks the hash chains of the events and the read trail; prints the first bad row of each, and exits with 1."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--slot", action="append", type=UUID, help="only this slot; may be repeated")

    def handle(self, *args: Any, slot: list[UUID] | None = None, **options: Any) -> None:
        broken = 0
        for bad in _bad(slot):
            broken += 1
            self.stdout.write(bad)
        if broken:
            raise CommandError(f"{broken} chains are broken", returncode=1)
        self.stdout.write("Every event is where and what it was when it was written.")


def _bad(slots: list[UUID] | None) -> Iterator[str]:
    yield from (str(bad) for bad in bad_rows(slot_ids=slots))
    if slots is None:
        with snapshot():
            bad_read = verify_read_trail()
        if bad_read is not None:
            yield bad_read
