"""The service that makes all changes of slots and tokens, each of them in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from clinics.models import Doctor, Facility, Slot
from core import clock
from core.api.commands import Reply
from core.db import retry
from core.db.sql import Found
from core.errors import NotFound, SlotBusy
from core.local_time import local_day
from core.observability import logs
from tokens.engine import batch
from tokens.engine.ledger import Ledger
from tokens.engine.locate import facility_of_slot, in_slot_of, place_of_entry
from tokens.engine.transaction import ledger_of, on_day_of_slot, on_days, on_slot, slot_row
from tokens.errors import DuplicateBooking
from tokens.models import Token
from tokens.operations import (
    arriving,
    calling,
    cancelling,
    delays,
    emergencies,
    no_shows,
    promoting,
    slots,
)
from tokens.operations.booking import BookingRequest as BookingRequest
from tokens.operations.cancelling import Cancelled as Cancelled
from tokens.operations.cancelling import CancelRequest
from tokens.operations.delays import Delayed
from tokens.operations.emergencies import Admission
from tokens.operations.expiring import SWEEPER
from tokens.operations.slots import SlotCancelled, SlotPlan
from tokens.queries.due import slots_due, slots_with_ended_place
from tokens.queries.locked import first_here_query
from tokens.visits import Moved as Moved
from tokens.visits import VisitService
from waitlist.models import WaitlistEntry


@dataclass(frozen=True, slots=True)
class Admitted:
    """An admission, and the slot of the emergency."""

    admission: Admission
    slot: Slot


@dataclass(frozen=True, slots=True)
class DelaySet:
    """A slot whose delay was set, and the slots whose delay changed."""

    slot: Slot
    delayed: Delayed


class TokenAllocationService(VisitService):
    """Allocates tokens to slots.

    Every method is one transaction. With a `reply` it returns the answer to the request in place of the result, and
    stores it under the request's Idempotency-Key.

    All methods raise NotFound for an id that does not exist and SlotBusy if a lock is not acquired in time, besides the
    errors of the operation that they call.
    """

    # A token's life

    def book(self, request: BookingRequest, *, reply: Reply | None = None) -> Any:
        """Book a seat, or join the waiting list of a full slot; return a Token or a WaitlistEntry."""
        return self._retry_after_sweep(
            lambda: batch.serve(request, reply=reply), slot_id=request.slot_id, patient_id=request.patient_id
        )

    def confirm(self, *, token_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Confirm a hold."""
        return self._act(token_id, actor, arriving.confirm, reply)

    def check_in(self, *, token_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Record that the patient has arrived."""
        return self._act(token_id, actor, arriving.check_in, reply)

    def reinstate(self, *, token_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Put a missing patient back into the queue, within the grace."""
        return self._act(token_id, actor, arriving.reinstate, reply)

    def call(self, *, token_id: UUID, actor: str, room: UUID | None = None, reply: Reply | None = None) -> Any:
        """Call this patient in, to one of the slot's rooms."""

        def operation(ledger: Ledger, *, token: Token) -> None:
            calling.call(ledger, token=token, room=room)

        return self._act(token_id, actor, operation, reply)

    def requeue(self, *, token_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Put a called patient who did not appear back into the queue."""
        return self._act(token_id, actor, calling.requeue, reply)

    def start(self, *, token_id: UUID, actor: str, complete_current: bool = False, reply: Reply | None = None) -> Any:
        """Start the consultation."""

        def operation(ledger: Ledger, *, token: Token) -> None:
            calling.start(ledger, token=token, complete_current=complete_current)

        return self._act(token_id, actor, operation, reply)

    def complete(self, *, token_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """End the consultation."""
        return self._act(token_id, actor, calling.complete, reply)

    def no_show(self, *, token_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Mark the patient as missing."""
        return self._act(token_id, actor, no_shows.no_show, reply)

    def triage(self, *, token_id: UUID, acuity: int, actor: str, reply: Reply | None = None) -> Any:
        """Set an emergency's acuity, 1 (immediate) to 5."""

        def operation(ledger: Ledger, *, token: Token) -> None:
            emergencies.triage(ledger, token=token, acuity=acuity)

        return self._act(token_id, actor, operation, reply)

    def cancel(
        self,
        *,
        token_id: UUID,
        actor: str,
        keep_seat: bool = False,
        reply: Reply | None = None,
    ) -> Any:
        """Cancel a token; with `keep_seat`, and an empty waiting list, the desk keeps its seat for a while."""
        return in_slot_of(
            token_id,
            lambda place: batch.serve(CancelRequest(place.slot_id, token_id, keep_seat, actor), reply=reply),
        )

    def admit_emergency(
        self,
        *,
        slot_id: UUID,
        patient_id: UUID,
        actor: str,
        acuity: int | None = None,
        reason: str = "",
        reply: Reply | None = None,
    ) -> Any:
        """Admit an emergency ahead of the queue, even to a full slot."""

        queries = emergencies.emergency_queries(facility_id=facility_of_slot(slot_id), patient_id=patient_id)

        def operation(ledger: Ledger, patients: Found, held: Found) -> Admitted:
            return Admitted(emergencies.admit(ledger, patients, held, acuity=acuity, reason=reason), ledger.slot)

        return self._retry_after_sweep(
            lambda: on_slot(slot_id, actor=actor, operation=operation, reply=reply, queries=queries),
            slot_id=slot_id,
            patient_id=patient_id,
        )

    def withdraw(self, *, entry_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Take an entry off the waiting list."""

        def operate(ledger: Ledger, entry: WaitlistEntry) -> None:
            cancelling.withdraw(ledger, entry=entry)

        return _on_entry(entry_id, actor, operate, reply)

    def seat(self, *, entry_id: UUID, reason: str, actor: str, reply: Reply | None = None) -> Any:
        """Give a seat that the desk keeps to a waiting-list entry, out of order."""

        def operate(ledger: Ledger, entry: WaitlistEntry) -> None:
            promoting.seat(ledger, entry=entry, reason=reason)

        return _on_entry(entry_id, actor, operate, reply)

    # A slot's life

    def call_next(
        self,
        *,
        slot_id: UUID,
        actor: str,
        room: UUID | None = None,
        complete_current: bool = False,
        reply: Reply | None = None,
    ) -> Any:
        """Call the first patient of the queue who has checked in, to one of the slot's rooms."""

        queries = [first_here_query(facility_id=facility_of_slot(slot_id), slot_id=slot_id)]

        def operation(ledger: Ledger, first_here: Found) -> Token:
            return calling.call_next(ledger, first_here, room=room, complete_current=complete_current)

        return on_slot(slot_id, actor=actor, operation=operation, reply=reply, queries=queries)

    def close_slot(self, *, slot_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Close a slot for bookings."""

        def operation(ledger: Ledger) -> Slot:
            slots.close(ledger)
            return ledger.slot

        return on_slot(slot_id, actor=actor, operation=operation, reply=reply)

    def cancel_slot(
        self,
        *,
        slot_id: UUID,
        actor: str,
        reason: str = "",
        dry_run: bool = False,
        reply: Reply | None = None,
    ) -> Any:
        """Cancel a slot, its tokens and its waiting list; its delay no longer affects the later slots of the day.

        `dry_run` changes nothing and counts the same.
        """

        def operation(day: list[Ledger]) -> SlotCancelled:
            result = slots.cancel(ledger_of(day, slot_id), reason=reason)
            delays.recascade(day)
            return result

        return on_day_of_slot(slot_id, actor=actor, operation=operation, reply=reply, dry_run=dry_run)

    def delay_slot(
        self,
        *,
        slot_id: UUID,
        delay_minutes: int,
        actor: str,
        dry_run: bool = False,
        reply: Reply | None = None,
    ) -> Any:
        """Set the doctor's own delay of a slot, which cascades through the day. `dry_run` changes nothing."""

        def operation(day: list[Ledger]) -> DelaySet:
            delayed = delays.set_delay(day, slot_id=slot_id, delay_minutes=delay_minutes)
            return DelaySet(ledger_of(day, slot_id).slot, delayed)

        return on_day_of_slot(slot_id, actor=actor, operation=operation, reply=reply, dry_run=dry_run)

    def create_slots(
        self,
        *,
        doctor_id: UUID,
        plans: Callable[[Doctor, Sequence[Slot]], Sequence[SlotPlan]],
        days: Callable[[str], set[date]],
        actor: str,
        reply: Reply | None = None,
    ) -> Any:
        """Create slots of one doctor; they inherit the delays of their days.

        `days` returns the local days for a time zone. `plans` is called under the doctor's lock and returns the slots
        to create, given the doctor and the doctor's slots of those days that are not cancelled.
        """
        doctor = Doctor.objects.select_related("facility").filter(id=doctor_id).first()
        if doctor is None:
            raise NotFound
        affected = {(doctor.id, day) for day in days(doctor.facility.time_zone)}

        def operation(day: list[Ledger]) -> list[Slot]:
            fresh = Doctor.objects.select_related("facility").get(id=doctor_id)
            _refuse_other_zone(doctor.facility, fresh.facility)
            taken = [ledger.slot for ledger in day if ledger.slot.status != "CANCELLED"]
            now = clock.now()
            made = slots.plan(doctor=fresh, plans=plans(fresh, taken), now=now, actor=actor)
            late = {ledger.slot.local_date for ledger in day if ledger.slot.delay_minutes}
            new = [Ledger(slot, now=now, actor=actor) for slot in made if slot.local_date in late]
            for local_date in sorted(late):
                delays.recascade([ledger for ledger in [*day, *new] if ledger.slot.local_date == local_date])
            for ledger in new:
                ledger.close()
            return made

        return on_days(affected, actor=actor, operation=operation, reply=reply)

    def change_slot(
        self,
        *,
        slot_id: UUID,
        changes: dict[str, Any],
        actor: str,
        reply: Reply | None = None,
    ) -> Any:
        """Change the plan of a slot: doctor, start_time, end_time, max_capacity, consultation_minutes, rooms."""
        slot = slot_row(slot_id)
        doctor = slot.doctor
        if "doctor_id" in changes and changes["doctor_id"] != slot.doctor_id:
            found = Doctor.objects.select_related("facility").filter(id=changes["doctor_id"]).first()
            if found is None or found.facility_id != slot.facility_id:
                raise NotFound
            doctor = found
        moved_to = slot.local_date
        if changes.get("start_time", slot.start_time) != slot.start_time:
            moved_to = local_day(changes["start_time"], doctor.facility.time_zone)
        days = {(slot.doctor_id, slot.local_date), (doctor.id, moved_to)}

        def operation(ledgers: list[Ledger]) -> Slot:
            ledger = ledger_of(ledgers, slot_id)
            _refuse_other_zone(doctor.facility, ledger.slot.facility)
            slots.change(ledger, doctor=doctor, changes=changes)
            if ledger.slot.doctor_id == doctor.id:
                ledger.slot.doctor = doctor
            for doctor_id, day in days:
                delays.recascade(
                    [one for one in ledgers if (one.slot.doctor_id, one.slot.local_date) == (doctor_id, day)]
                )
            return ledger.slot

        return on_days(days, actor=actor, operation=operation, reply=reply, required_slot=slot_id)

    def delete_slot(self, *, slot_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Delete a slot; raise InUse if a token refers to it."""

        def operation(day: list[Ledger]) -> None:
            ledger = ledger_of(day, slot_id)
            slots.delete([ledger])
            day.remove(ledger)
            delays.recascade(day)

        return on_day_of_slot(slot_id, actor=actor, operation=operation, reply=reply)

    # The sweep

    def sweep(self) -> int:
        """End every hold, grace, buffer and waiting list that is due; return the number of slots visited.

        Each slot is a transaction of its own, so a sweep can be killed at any time, and two sweeps at once do no harm.
        If slots fail, the others are swept all the same, and the first error is raised at the end.
        """
        due = slots_due(now=clock.now())
        failed: list[Exception] = []
        for slot_id in due:
            try:
                self.sweep_slot(slot_id=slot_id)
            except Exception as error:
                if retry.lost_connection(error):
                    raise
                logs.failure("sweep", error, slot=str(slot_id))
                failed.append(error)
        if failed:
            raise failed[0]
        return len(due)

    def sweep_slot(self, *, slot_id: UUID) -> None:
        """End what is due in one slot; skip a slot that is busy or deleted."""
        try:
            retry.again(lambda: on_slot(slot_id, actor=SWEEPER, operation=lambda ledger: None))
        except (SlotBusy, NotFound):
            return

    # Helpers

    def _retry_after_sweep(self, attempt: Callable[[], Any], *, slot_id: UUID, patient_id: UUID) -> Any:
        """Run `attempt`; after DuplicateBooking, sweep other slots where the patient's token is due to end, and retry.

        Retry once, and only if there is such a slot.
        """
        try:
            return attempt()
        except DuplicateBooking:
            ended = slots_with_ended_place(slot_id=slot_id, patient_id=patient_id, now=clock.now())
            if not ended:
                raise
            for other in ended:
                self.sweep_slot(slot_id=other)
            return attempt()


def _refuse_other_zone(before: Facility, locked: Facility) -> None:
    """Raise SlotBusy if the time zone, by which the days to lock were chosen, has changed before they were locked."""
    if before.time_zone != locked.time_zone:
        raise SlotBusy("The facility's time zone was changed meanwhile. Ask again.")


def _on_entry(entry_id: UUID, actor: str, operate: Callable[[Ledger, WaitlistEntry], None], reply: Reply | None) -> Any:
    place = place_of_entry(entry_id)

    def operation(ledger: Ledger) -> WaitlistEntry:
        entries = WaitlistEntry.objects.select_related("patient")
        entry = entries.get(facility_id=place.facility_id, id=entry_id)
        entry.slot = ledger.slot
        operate(ledger, entry)
        return entry

    return on_slot(place.slot_id, actor=actor, operation=operation, reply=reply)
