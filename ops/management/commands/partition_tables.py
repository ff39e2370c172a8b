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
"""The tables that grow with every visit; all other tables are small or have no facility."""


class Command(BaseCommand):
    """Turn the tables that grow with every visit into hash partitions by facility; their number cannot be changed."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--partitions", type=int, default=16, help="number of partitions, 2 to 64 (default: 16)")

    def handle(self, *args: Any, partitions: int, **options: Any) -> None:
        if not 2 <= partitions <= 64:
            raise CommandError("The number of partitions must be from 2 to 64.")
        try:
            partition_tables(PARTED, parts=partitions, say=self.stdout.write)
        except PartitionError as error:
            raise CommandError(str(error)) from error
