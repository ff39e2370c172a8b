"""`python -m bench.disk_usage`: measure the disk space of a visit in the database, and the time of its writes.

The engine carries out the visits with six writes each (hold, confirm, check in, call, start, complete), each in its own
transaction, as at a counter. Afterwards the sizes of the tables are read from PostgreSQL.
"""

import argparse
import os
import time
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import track

SEATS = 25
TABLES = ("tokens_token", "events_event", "clinics_slot", "clinics_slothistory", "patients_patient")


def main() -> None:
    """Carry out the visits on new servers and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.disk_usage", description=__doc__)
    parser.add_argument("--visits", type=int, default=2_000, help="number of visits (2000)")
    visits = parser.parse_args().visits
    from devserver import servers

    with servers(fsync=True) as urls:
        os.environ.update(urls, DJANGO_SETTINGS_MODULE="config.settings.local")
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        measure(visits, Console())


def measure(visits: int, console: Console) -> None:
    """Carry out the visits and print the growth of the tables and of the write-ahead log."""
    before, empty = _query("SELECT pg_current_wal_insert_lsn()"), {name: _size(name) for name in TABLES}
    began = time.monotonic()
    make(visits)
    seconds = time.monotonic() - began
    wal = _query("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %s)", before)
    console.print(f"{visits:,} visits of 6 writes in {seconds:.0f} s: {1000 * seconds / visits / 6:.1f} ms a write")
    for name in TABLES:
        _query(f"VACUUM ANALYZE {name}", None, rows=False)
        grown, rows = _size(name) - empty[name], _query(f"SELECT count(*) FROM {name}")
        heap = _query("SELECT pg_table_size(%s)", name)
        console.print(
            f"{name:<22}{rows:>8,} rows {grown / rows if rows else 0:7.0f} bytes each with indexes"
            f"{heap / rows if rows else 0:7.0f} without {grown / visits:7.0f} a visit",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"{'write-ahead log':<22}{float(wal) / visits:7.0f} bytes a visit", highlight=False)


def make(visits: int) -> None:
    """Carry out this number of visits, SEATS in each slot."""
    from clinics.doctors import create_doctor
    from core import clock
    from patients.services import register_patient
    from tokens.operations.booking import BookingRequest
    from tokens.policy.priority import Category
    from tokens.services import SlotPlan, TokenAllocationService

    service, actor = TokenAllocationService(), "system:bench"
    slots = -(-visits // SEATS)
    for number in track(range(slots), description="Visits"):
        start = clock.now() + timedelta(hours=2)
        plan = SlotPlan(start, start + timedelta(hours=3), SEATS)
        doctor = create_doctor(name=f"Dr {number}", specialization="General Medicine")
        [slot] = service.create_slots(
            doctor_id=doctor.id,
            plans=lambda doctor, taken, plan=plan: [plan],
            days=lambda zone, start=start: {start.date(), start.date() + timedelta(days=1)},
            actor=actor,
        )
        for seat in range(min(SEATS, visits - number * SEATS)):
            patient = register_patient(name=f"Patient {number} {seat}", phone=f"+9198{number:05d}{seat:03d}")
            token = service.book(
                BookingRequest(slot_id=slot.id, patient_id=patient.id, category=Category.WALKIN, actor=actor, hold=True)
            )
            for act in (service.confirm, service.check_in, service.call, service.start, service.complete):
                act(token_id=token.id, actor=actor)


def _size(table: str) -> int:
    return int(_query("SELECT pg_total_relation_size(%s)", table))


def _query(statement: str, parameter: Any = None, *, rows: bool = True) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, None if parameter is None else [parameter])
        return cursor.fetchone()[0] if rows else None


if __name__ == "__main__":
    main()
