"""The delay of a slot, and its effect on the later slots of the doctor's day."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from clinics.models import SlotStatus
from tokens.engine.ledger import Ledger
from tokens.errors import SlotNotOpen
from tokens.policy.delays import PlannedSlot, cascade


@dataclass(frozen=True, slots=True)
class Delayed:
    """The slots whose delay in force changed, in order of their start."""

    affected: list[Ledger]

    @property
    def affected_tokens(self) -> int:
        return sum(ledger.slot.queue_length for ledger in self.affected)


def set_delay(day: Sequence[Ledger], *, slot_id: UUID, delay_minutes: int) -> Delayed:
    """Set the doctor's own delay of a slot and cascade it through the day; raise SlotNotOpen for a cancelled slot."""
    ledger = next(ledger for ledger in day if ledger.slot.id == slot_id)
    if ledger.slot.status == SlotStatus.CANCELLED:
        raise SlotNotOpen("The slot is cancelled.")
    changed = ledger.slot.own_delay_minutes != delay_minutes
    if changed:
        ledger.change_slot(own_delay_minutes=delay_minutes)
    delayed = recascade(day)
    if changed and ledger not in delayed.affected:  # the slot before forces a longer delay: only the own delay changed
        _note_delay(ledger, before=ledger.slot.delay_minutes)
    return delayed


def recascade(day: Sequence[Ledger]) -> Delayed:
    """Set every slot of a doctor's day to the delay that follows from the slots before it; skip cancelled slots."""
    running = {ledger.slot.id: ledger for ledger in day if ledger.slot.status != SlotStatus.CANCELLED}
    planned = [
        PlannedSlot(slot.id, slot.start_time, slot.end_time, slot.own_delay_minutes)
        for slot in (ledger.slot for ledger in running.values())
    ]
    affected: list[Ledger] = []
    for slot_id, delay in cascade(planned):
        ledger = running[slot_id]
        slot = ledger.slot
        if slot.delay_minutes == delay:
            continue
        before = slot.delay_minutes
        ledger.change_slot(delay_minutes=delay)
        if slot.status in (SlotStatus.ACTIVE, SlotStatus.DELAYED):
            ledger.change_slot(status=SlotStatus.DELAYED if delay else SlotStatus.ACTIVE)
        _note_delay(ledger, before=before)
        affected.append(ledger)
    return Delayed(affected)


def recascade_days(ledgers: Iterable[Ledger]) -> None:
    """Recascade each local day of these slots of one doctor."""
    days: dict[date, list[Ledger]] = defaultdict(list)
    for ledger in ledgers:
        days[ledger.slot.local_date].append(ledger)
    for day in sorted(days):
        recascade(days[day])


def _note_delay(ledger: Ledger, *, before: int) -> None:
    slot = ledger.slot
    ledger.note(
        "slot.delayed",
        delay_minutes=slot.delay_minutes,
        own_delay_minutes=slot.own_delay_minutes,
        before_minutes=before,
    )
