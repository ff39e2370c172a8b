"""GET board/ takes a constant number of statements, however many patients are called, missed and next."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import clock
from tests.factories import ensure_facility, first_admin, stored_slot, stored_token
from tests.support.api import Api, in_process
from tests.support.hospital import PASSWORD, Hospital

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_number_of_statements_does_not_grow() -> None:
    ensure_facility()
    hospital = Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)
    made = hospital.admin.post("boards/", {"name": "Hall"}).expect(201)
    key = hospital.admin.post(f"boards/{made['id']}/key/").expect(200)["key"]
    board = Api(hospital.wire, f"Board {key}")
    board.get("board/").expect(200)

    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            board.get("board/").expect(200)
        return len(queries)

    before = statements()
    for _ in range(10):
        slot = stored_slot(delay_minutes=5)
        for status in ("CALLED", "CHECKED_IN", "CHECKED_IN", "NO_SHOW"):
            due = {"due_at": clock.now() + timedelta(minutes=10)} if status == "NO_SHOW" else {}
            stored_token(slot, status=status, **due)
    assert statements() == before == 2
    content = board.get("board/").expect(200)
    assert (len(content["missed"]), len(content["next"]), len(content["notices"])) == (10, 10, 10)
