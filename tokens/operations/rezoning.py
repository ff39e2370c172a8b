"""A change of the facility's time zone, which moves its future slots to the local days of the new zone."""

from collections.abc import Sequence
from operator import attrgetter

from core.local_time import local_day
from tokens.engine.ledger import Ledger, close_all
from tokens.operations.delays import recascade_days
from tokens.operations.slots import TicketPrefixes, facts


def move(ledgers: Sequence[Ledger], *, zone: str) -> None:
    """Set the local days of one doctor's slots that are not over by a time zone, with ticket prefixes and delays.

    A slot keeps its start and end. A slot that moves to another day gets a ticket prefix that is not used on that day,
    so that tickets stay unique in the facility and day. Tokens that have ended keep their tickets.
    """
    ahead = [ledger for ledger in ledgers if ledger.now < ledger.slot.delayed_end]
    days = [local_day(ledger.slot.start_time, zone) for ledger in ahead]
    moving = [(ledger, day) for ledger, day in zip(ahead, days, strict=True) if ledger.slot.local_date != day]
    if not moving:
        return
    prefixes = TicketPrefixes(moving[0][0].slot.doctor, days={day for _, day in moving})
    for ledger, day in sorted(moving, key=lambda pair: attrgetter("start_time", "id")(pair[0].slot)):
        ledger.change_slot(local_date=day, ticket_prefix=prefixes.take(day))
        ledger.note("slot.changed", **facts(ledger.slot))
    recascade_days(ledgers)
    close_all(ledgers)
