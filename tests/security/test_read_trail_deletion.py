"""Deleted rows of the read trail are reported, however many reads are sealed afterwards."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.audit import read_trail
from accounts.models import ReadTrail, ReadTrailEnd
from core import clock

pytestmark = pytest.mark.django_db(transaction=True)


def read_and_seal(times: int = 2) -> None:
    for _ in range(times):
        ReadTrail.objects.create(actor="user:a", patient_ids=[], what="x", request_id="r", at=clock.now())
        read_trail.seal_reads()


def execute_as_owner(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in ("SET session_replication_role = replica", *statements, "RESET session_replication_role"):
            cursor.execute(statement)


def verified() -> str:
    out = io.StringIO()
    try:
        call_command("verify_log", stdout=out)
    except CommandError:
        return out.getvalue()
    return ""


EMPTIED = ("TRUNCATE accounts_readtrail, accounts_readseal",)
SHORTENED = ("DELETE FROM accounts_readtrail WHERE seal_id > 1", "DELETE FROM accounts_readseal WHERE number > 1")
WITHOUT_ITS_NOTE = ("TRUNCATE accounts_readtrailend",)
NOTE_SET_BACK = ("UPDATE accounts_readtrailend SET number = 1",)
DIGEST_CHANGED = ("UPDATE accounts_readtrailend SET digest = '\\x00'",)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (EMPTIED, "seal 1 is missing"),
        (SHORTENED, "seal 2 is missing"),
        ((*SHORTENED, *WITHOUT_ITS_NOTE), "the note of its last seal was removed"),
        (WITHOUT_ITS_NOTE, "the note of its last seal was removed"),
        (NOTE_SET_BACK, "the note of its last seal"),
        (DIGEST_CHANGED, "was altered"),
    ],
)
def test_later_seals_do_not_hide_what_was_removed(action: tuple[str, ...], told: str) -> None:
    read_and_seal(3)
    assert verified() == ""
    execute_as_owner(*action)
    assert verified() != ""
    for _ in range(3):
        read_and_seal()
        assert told in verified()


def test_seals_go_on_from_the_number_and_digest_that_were_noted() -> None:
    read_and_seal(3)
    before = ReadTrailEnd.objects.get()
    execute_as_owner(*EMPTIED)
    read_and_seal(1)
    [row] = ReadTrail.objects.all()
    assert (row.seal_id, bytes(row.hash)) == (before.number + 1, read_trail.row_hash(bytes(before.digest), row))


def test_a_whole_trail_stays_whole() -> None:
    read_and_seal(4)
    assert verified() == ""
