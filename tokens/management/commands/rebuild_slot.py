"""manage.py rebuild_slot"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinics.models import Slot
from core.db.transactions import snapshot
from core.local_time import parse_local, zone_info
from tokens.audit.as_of import slot_as_it_is, slot_as_of
from tokens.audit.replay import SlotThen, differences


class Command(BaseCommand):
    """Rebuilds the queue of a slot from the event log: as it was at a moment, or as it is now, compared with the tables
    (exits with 1 if they differ). Writes nothing.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slot", type=UUID, help="the slot's id")
        parser.add_argument("--as-of", help="a moment, ISO 8601; without an offset in the facility's time zone")

    def handle(self, *args: Any, slot: UUID, as_of: str | None, **options: Any) -> None:
        with snapshot():
            row = Slot.objects.select_related("facility").filter(id=slot).first()
            zone = row.facility.time_zone if row else "UTC"
            then = slot_as_of(slot_id=slot, moment=_moment(as_of, zone))
            found = differences(then, slot_as_it_is(slot=row)) if row and then and as_of is None else []
        if then is None:
            raise CommandError("There was no such slot at that moment.", returncode=1)
        for line in _page(then, zone):
            self.stdout.write(line)
        for line in found:
            self.stdout.write(f"differs (log / table): {line}")
        if found:
            raise CommandError("The tables are not what the log tells.", returncode=1)


def _moment(text: str | None, zone: str) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_local(text, zone)
    except ValueError as error:
        raise CommandError(f"--as-of: {error}") from error


def _page(slot: SlotThen, zone: str) -> list[str]:
    start = slot.start_time.astimezone(zone_info(zone))
    seats = slot.regular_seats + slot.emergency_seats
    head = (
        f"{slot.status} {start:%Y-%m-%d %H:%M}, {seats} of {slot.max_capacity} seats, "
        f"delay {slot.delay_minutes} min, {slot.events} events{', deleted' if slot.deleted else ''}"
    )
    queue = [
        f"{place:>4}  {token.ticket:<12} {token.category:<14} {token.priority}  {token.status:<12} {token.id}"
        for place, token in enumerate(slot.queue, start=1)
    ]
    rest = [f"   -  {token.ticket:<12} {token.category:<14} {token.priority}  {token.status}" for token in slot.rest]
    waiting = [f"   w  {entry.category:<14} {entry.priority}  {entry.id}" for entry in slot.waiting]
    return [head, *queue, *rest, *waiting]
