"""The engine on tables partitioned by facility: its guarantees hold, and its statements name the facility.

Runs a selection of tests on a separate database and checks the plan of every statement.
"""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from ops.management.commands.partition_tables import PARTED
from tests.partitioning.allowed import ALLOWED
from tests.partitioning.database import partitioned_database
from tests.partitioning.plan_watcher import REPORT
from tokens.services import TokenAllocationService

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = "tests/contract/test_0"
PLUGIN = "tests.partitioning.plan_watcher"
SEATS = "tests/races/test_seats.py"
BATCHES = ("tests/races/test_batches.py", "tests/races/test_batches_with_idempotency_keys.py")
PLAYED = (
    "tests/partitioning/workload.py",
    "tests/integration/tokens/test_constraints.py",
    f"{CONTRACT}4_token_lifecycle.py::test_an_emergency_becomes_of_the_token_the_patient_has",
    f"{CONTRACT}4_token_lifecycle.py::test_cancelling_the_slot_cancels_all_but_the_one_in_the_room",
    f"{CONTRACT}4_token_lifecycle.py::test_an_expired_hold_gives_its_seat_to_who_waits_before_who_asks",
    f"{CONTRACT}5_waiting_list.py::test_a_cancellation_promotes_and_returns_the_best_entry",
    f"{CONTRACT}6_delays.py::test_the_example_of_the_contract",
    f"{CONTRACT}6_delays.py::test_bulk_slots_inherit_too",
    f"{CONTRACT}7_token_endpoints.py::test_the_daily_report_counts_right",
    f"{SEATS}::test_twelve_patients_book_the_last_seat",
    f"{SEATS}::test_one_patient_books_two_slots_of_a_doctor",
    f"{SEATS}::test_canary_without_locks_the_database_itself_refuses_the_second",
    f"{SEATS}::test_a_booking_elsewhere_during_promotion_does_not_fail_the_cancellation",
    *BATCHES,
)


WHOLE = {
    "accounts_apikey": "some for each facility; found by the key alone",
    "accounts_apikeyevent": "a row for each change of a key",
    "accounts_user": "the staff; found by name, and patients have no facility",
    "accounts_userevent": "a row for each change of a user",
    "clinics_doctor": "some for each facility",
    "clinics_doctorevent": "a row for each change of a doctor",
    "clinics_facilitylogo": "one for each facility",
    "clinics_room": "some for each facility",
    "clinics_slothistory": "a row for each change of a slot's plan",
    "live_board": "some for each facility; found by the key alone",
    "live_boardevent": "a row for each change of a board",
    "live_kiosk": "some for each facility; found by the key alone",
    "live_kioskevent": "a row for each change of a kiosk",
    "live_link": "found by the code alone; deleted some time after the visit",
    "patients_patient": "a row for each new patient, not for each visit; users refer to it, and have no facility",
    "patients_patientevent": "a row for each change of a patient",
    "reports_dailyreport": "a row for each day",
}
"""The tables with a facility that are not partitioned, each with the reason."""


def play(report: Path, *, address: str) -> subprocess.CompletedProcess[str]:
    """Run the selected tests on that database with the plan watcher plugin."""
    command = [sys.executable, "-m", "pytest", "-q", "--reuse-db", "-p", "no:cacheprovider", "-p", PLUGIN, *PLAYED]
    without = {"PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"}
    environ = {name: value for name, value in os.environ.items() if name not in without}
    environ |= {"DATABASE_URL": address, REPORT: str(report)}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300)


def test_the_engine_on_partitioned_tables(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> None:
    """One test with many assertions, because the run that it inspects is slow."""
    report = tmp_path / "seen.json"
    with django_db_blocker.unblock(), partitioned_database() as partitioned:
        done = play(report, address=partitioned.address)

    # Existing rows are kept, and a partitioned table is not partitioned again.
    assert partitioned.before["tokens_token"][0] == 4
    assert partitioned.before["events_event"][0] == 2
    assert partitioned.after == partitioned.before
    assert partitioned.second_time == "clinics_slot is already partitioned."

    # Every selected test passes.
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    seen = json.loads(report.read_text())
    assert seen["tests"] > 60

    # Every operation was observed, and every statement scans one partition.
    operations = {name for name, _ in inspect.getmembers(TokenAllocationService, inspect.isfunction)}
    assert {name for name in operations if not name.startswith("_")} <= set(seen["operations"])
    assert seen["statements"] > 80
    assert seen["spread"] == {}

    # No exemption is unused.
    assert seen["used"] == sorted(ALLOWED)


def test_allowed_functions_are_documented() -> None:
    page = (ROOT / "docs/howto/growing.md").read_text()
    assert [name for name in ALLOWED if f"`{name}`" not in page] == []


def test_every_table_with_a_facility_is_partitioned() -> None:
    """Except those that do not grow with every visit, or that are found without a facility; each has its reason."""
    carrying = {model._meta.db_table for model in apps.get_models() if "facility_id" in _columns(model)}
    assert carrying - set(PARTED) == set(WHOLE)


@pytest.mark.parametrize("table", PARTED)
def test_every_unique_constraint_contains_the_facility(table: str) -> None:
    """Except ids and sequence numbers, which are generated to be globally unique."""
    model = next(model for model in apps.get_models() if model._meta.db_table == table)
    own = {field.name for field in model._meta.concrete_fields if field.unique}
    assert own <= {"id", "seq", "token"}
    for constraint in model._meta.total_unique_constraints:
        assert {"facility", "facility_id"} & set(constraint.fields), constraint.name


def _columns(model: Any) -> set[str]:
    return {field.column for field in model._meta.concrete_fields}
