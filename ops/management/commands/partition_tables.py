"""manage.py partition_tables"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinics.models import Slot
from core.models import IdempotencyRecord
from events.models import Event
from ops.partitioning import PartitionError, partition_tables
from tokens.models import Token
from waitlist.models import WaitlistEntry

PARTED = [model._meta.db_table for model in (Slot, Token, WaitlistEntry, Event, IdempotencyRecord)]
"""The tables that grow with every visit; all others are small, or belong to no facility."""


class Command(BaseCommand):
    """Lays the tables that grow with every visit out as hash partitions by facility; the number of parts stays."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--partitions", type=int, default=16, help="the number of parts, 2 to 64 (16)")

    def handle(self, *args: Any, partitions: int, **options: Any) -> None:
        if not 2 <= partitions <= 64:
            raise CommandError("2 to 64 parts.")
        try:
            partition_tables(PARTED, parts=partitions, say=self.stdout.write)
        except PartitionError as error:
            raise CommandError(str(error)) from error
