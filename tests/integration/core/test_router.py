"""The database router uses the replica only in views that opt in, and never inside a transaction."""

import pytest

from clinics.models import Doctor, Facility
from core.db import replica
from core.db.replica import Router, from_replica
from core.db.transactions import atomic
from tests.integration.core.test_settings import start

REPLICA = {"REPLICA_URL": "postgres://opd:s3cret@second/opd"}
pytestmark = pytest.mark.django_db(transaction=True)


def where_reads_go() -> str:
    return Router().db_for_read(Doctor)


def test_by_itself_nothing_reads_the_replica() -> None:
    assert where_reads_go() == "default"
    assert from_replica(where_reads_go)() == "default"  # none is configured


def test_inside_a_view_that_opted_in_reads_use_the_replica_and_writes_do_not() -> None:
    assert replica.inside(where_reads_go) == "replica"
    assert replica.inside(lambda: Router().db_for_write(Doctor)) == "default"
    assert where_reads_go() == "default"


def test_an_open_transaction_reads_what_it_wrote() -> None:
    with atomic():
        assert replica.inside(where_reads_go) == "default"


def test_rows_of_both_may_belong_together_and_only_one_is_migrated() -> None:
    assert Router().allow_relation(Doctor(), Facility())
    assert [Router().allow_migrate(alias, "clinics") for alias in ("default", "replica")] == [True, False]


def test_the_setting() -> None:
    code = "print((found := s.DATABASES['replica'])['HOST'], s.DATABASE_ROUTERS, found['OPTIONS']['connect_timeout'])"
    done = start("local", code, **REPLICA)
    assert done.stdout.split() == ["second", "['core.db.replica.Router']", "2"], done.stderr
    assert start("local", "print(list(s.DATABASES), hasattr(s, 'DATABASE_ROUTERS'))").stdout == "['default'] False\n"
