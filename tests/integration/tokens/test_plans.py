"""Query plans of writes: PostgreSQL finds the changed rows by index, however large the table."""

import pytest
from django.db import connection

from core.db.sql import Change, Rows
from tests.factories import stored_slot
from tests.support.plans import nodes_of
from tokens.models import Token

pytestmark = pytest.mark.django_db

CROWD = 2000


@pytest.mark.parametrize("changed", [1, 64])
def test_rows_that_change_are_looked_up_and_the_rest_of_the_table_is_not_read(changed: int) -> None:
    slot = stored_slot(queue=CROWD)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tokens_token")
    ids = list(Token.objects.values_list("id", flat=True)[:changed])
    [update] = Rows(Token).updating(
        [Change(token_id, {"status": "CANCELLED"}, {}) for token_id in ids], facility_id=slot.facility_id
    )
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {update.text}", update.values)
        plan = cursor.fetchall()[0]
    reading = [
        node["Node Type"]
        for node in nodes_of(list(plan))
        if node.get("Relation Name") == "tokens_token" and node["Node Type"] != "ModifyTable"
    ]
    assert reading
    assert set(reading) <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, plan
    assert Token.objects.filter(status="CANCELLED").count() == changed
