"""How the delay of one slot cascades through the doctor's day (section 6 of the contract)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """The fields that the cascade needs of a slot that is not cancelled."""

    id: UUID
    start: datetime
    end: datetime
    own_delay_minutes: int


def cascade(slots: Iterable[PlannedSlot]) -> Iterator[tuple[UUID, int]]:
    """Yield (slot id, delay in force in minutes) for a doctor's day.

    A slot starts no earlier than the one before it ends, so gaps between slots absorb delay. The delay of a slot is
    the larger of the doctor's own delay for it and the delay that the slot before forces, in whole minutes rounded up.
    `slots` may be in any order.
    """
    busy_until: datetime | None = None
    for slot in sorted(slots, key=lambda slot: (slot.start, slot.id)):
        forced = 0
        if busy_until is not None and busy_until > slot.start:
            forced = -((slot.start - busy_until) // MINUTE)
        delay = max(slot.own_delay_minutes, forced)
        busy_until = slot.end + timedelta(minutes=delay)
        yield slot.id, delay
