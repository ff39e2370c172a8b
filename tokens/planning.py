"""Changes that affect several days: cancel a range of slots, delete a doctor, change a facility's time zone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import ProtectedError
from psycopg.errors import ForeignKeyViolation

from clinics.doctors import update_doctor
from clinics.errors import DoctorInUse, TimeZoneInUse
from clinics.facilities import update_facility
from clinics.models import Doctor, Facility, Slot, SlotStatus
from core import clock
from core.api.commands import Reply
from core.db.transactions import atomic
from core.errors import InUse, NotFound
from core.local_time import local_day
from tokens import rules
from tokens.engine.ledger import Ledger
from tokens.engine.transaction import on_facility, on_plan_of
from tokens.models import Token
from tokens.operations import delays, rezoning, slots
from tokens.operations.slots import SlotPlan as SlotPlan
from tokens.queries.due import are_in_use

OLDEST_RUNNING = timedelta(days=4)
"""The greatest age of a slot that is not over, in any time zone: it lasts and is delayed by at most a day each."""


@dataclass(frozen=True, slots=True)
class SlotRange:
    """The slots that start at `start` or later and before `end`. A date stands for its whole local day."""

    start: date | datetime
    end: date | datetime

    def days(self, zone: str) -> tuple[date, date]:
        """Return the first and the last local day of the range."""
        return _day(self.start, zone), _day(self.end, zone)

    def includes(self, slot: Slot) -> bool:
        """Return whether the slot starts in the range."""
        after = slot.start_time >= self.start if isinstance(self.start, datetime) else slot.local_date >= self.start
        before = slot.start_time < self.end if isinstance(self.end, datetime) else slot.local_date <= self.end
        return after and before


@dataclass(frozen=True, slots=True)
class SlotsCancelled:
    """How many slots were cancelled, and how many tokens and waiting-list entries with them."""

    cancelled_slots: int
    cancelled_tokens: int
    withdrawn_entries: int


class PlanningService:
    """Changes the plan of several days.

    Every method is one transaction. With a `reply` it returns the answer to the request in place of the result.

    All methods raise NotFound for an id that does not exist and SlotBusy if a lock is not acquired in time.
    """

    def cancel_slots(
        self,
        *,
        doctor_id: UUID,
        wanted: SlotRange,
        actor: str,
        reason: str = "",
        dry_run: bool = False,
        reply: Reply | None = None,
    ) -> Any:
        """Cancel a doctor's slots that start in a range, with their tokens and waiting lists, all of them or none.

        Slots that are cancelled already, or over with an empty queue, do not change. `dry_run` changes nothing and
        counts the same.
        """
        zone = Doctor.objects.filter(id=doctor_id).values_list("facility__time_zone", flat=True).first()
        if zone is None:
            raise NotFound
        first, last = wanted.days(zone)
        # Lock one more day on either side, in case the time zone changes before the days are locked.
        first, last = first - timedelta(days=1), last + timedelta(days=1)

        def operation(ledgers: list[Ledger]) -> SlotsCancelled:
            cancellable = [ledger for ledger in ledgers if wanted.includes(ledger.slot) and _can_be_cancelled(ledger)]
            results = [slots.cancel(ledger, reason=reason) for ledger in cancellable]
            delays.recascade_days(ledgers)
            return SlotsCancelled(
                len(results),
                sum(each.cancelled_tokens for each in results),
                sum(each.withdrawn_entries for each in results),
            )

        return on_plan_of(
            doctor_id, first=first, last=last, actor=actor, operation=operation, reply=reply, dry_run=dry_run
        )

    def add_slot(self, *, doctor: Doctor, plan: SlotPlan, actor: str) -> Slot:
        """Create a slot in the caller's transaction, which has locked the doctor's row and read the doctor under it.

        Raise DoctorInactive, and InUse on a day with a delay, which the slot would have to inherit; the database raises
        SlotOverlap.
        """
        [slot] = slots.plan(doctor=doctor, plans=[plan], now=clock.now(), actor=actor)
        of_the_day = Slot.objects.filter(facility_id=doctor.facility_id, doctor=doctor, local_date=slot.local_date)
        if of_the_day.filter(delay_minutes__gt=0).exists():
            raise InUse("The doctor's slots of this day are delayed: add the slot with `POST slots/`.")
        return slot

    def change_doctor(
        self,
        *,
        doctor_id: UUID,
        changes: Mapping[str, Any],
        actor: str,
        within: UUID | None = None,
        reply: Reply | None = None,
    ) -> Any:
        """Change a doctor. One who becomes active again gets the entries that waited for free seats promoted.

        `within`: the only facility in which the caller changes doctors; None for all.
        """
        inactive = Doctor.objects.filter(id=doctor_id, is_active=False)
        if not changes.get("is_active") or not inactive.exists():
            return update_doctor(doctor_id=doctor_id, changes=changes, within=within, reply=reply)

        def operation(ledgers: list[Ledger]) -> Doctor:
            doctor: Doctor = update_doctor(doctor_id=doctor_id, changes=changes, within=within)
            for ledger in ledgers:
                ledger.slot.doctor.is_active = doctor.is_active
            return doctor

        since = (clock.now() - OLDEST_RUNNING).date()
        return on_plan_of(
            doctor_id, first=since, actor=actor, operation=operation, reply=reply, changes_other_rows=True
        )

    def delete_doctor(self, *, doctor_id: UUID, actor: str, reply: Reply | None = None) -> Any:
        """Delete a doctor and the doctor's slots; raise DoctorInUse if a token refers to the doctor."""

        def operation(ledgers: list[Ledger]) -> None:
            doctor = Doctor.objects.get(id=doctor_id)
            if Token.objects.filter(facility_id=doctor.facility_id, doctor=doctor).exists():
                raise DoctorInUse
            slots.delete(ledgers)
            ledgers.clear()
            doctor.delete()

        try:
            return on_plan_of(doctor_id, actor=actor, operation=operation, reply=reply, changes_other_rows=True)
        except ProtectedError as error:
            raise DoctorInUse from error
        except IntegrityError as error:
            if isinstance(error.__cause__, ForeignKeyViolation):
                raise DoctorInUse from error
            raise

    def change_facility(
        self, *, facility_id: UUID, changes: Mapping[str, Any], actor: str, reply: Reply | None = None
    ) -> Any:
        """Change fields of a facility: its name, code, time zone or rules.

        With a new time zone, the slots that are not over get the local days of that zone, with ticket prefixes and
        delays to match. Raise TimeZoneInUse if one of them has live tokens or waiting-list entries.
        """
        try:
            return self._change_facility(facility_id, changes, actor, reply)
        finally:
            rules.forget(facility_id)

    def _change_facility(self, facility_id: UUID, changes: Mapping[str, Any], actor: str, reply: Reply | None) -> Any:
        if "time_zone" not in changes:
            with atomic(durable=True):
                return update_facility(facility_id=facility_id, changes=changes, reply=reply)
        zone = changes["time_zone"]
        since = (clock.now() - OLDEST_RUNNING).date()

        def operation(facility: Facility, doctors: Iterator[list[Ledger]]) -> Any:
            if zone != facility.time_zone:
                if are_in_use(facility_id=facility_id, since=since, now=clock.now()):
                    raise TimeZoneInUse
                for ledgers in doctors:
                    rezoning.move(ledgers, zone=zone)
            return update_facility(facility_id=facility_id, changes=changes, reply=reply)

        return on_facility(facility_id, since=since, actor=actor, operation=operation)


def _day(value: date | datetime, zone: str) -> date:
    return local_day(value, zone) if isinstance(value, datetime) else value


def _can_be_cancelled(ledger: Ledger) -> bool:
    slot = ledger.slot
    return slot.status != SlotStatus.CANCELLED and (ledger.now < slot.delayed_end or slot.queue_length > 0)
