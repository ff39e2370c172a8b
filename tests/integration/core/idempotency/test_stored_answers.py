"""Idempotency on minimal endpoints: repeated requests, what is stored and for how long."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.http import HttpResponse
from rest_framework.test import APIRequestFactory

from core import clock
from core.api import idempotency
from core.api.endpoint import Endpoint
from core.api.idempotency import Key, Stored
from core.db.transactions import atomic, roll_back
from core.errors import InUse, NotFound
from core.models import IdempotencyRecord
from core.tasks import prune_idempotency_records
from tests.integration.core.idempotency.counter_endpoints import (
    Counter,
    Hooks,
    ask,
    code,
    counted,
    failing,
    is_replay,
    number_of,
    once,
    views,
)

pytestmark = pytest.mark.django_db(transaction=True, available_apps=["core"])  # only these tables have to be emptied


@views
def test_the_first_answer_again_byte_for_byte(view: type[Endpoint]) -> None:
    first, second = ask("k1", {"a": 1, "b": [2]}, view=view), ask("k1", {"b": [2], "a": 1}, view=view)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content == b'{"number":1,"at":3.8}'
    assert first["ETag"] == second["ETag"] == '"1"'
    assert first["Content-Type"] == second["Content-Type"] == "application/json"
    assert not first.has_header("Idempotency-Replayed")
    assert is_replay(second)
    assert (counted(), Hooks.runs) == (1, 1)


@views
def test_without_a_key_every_request_counts(view: type[Endpoint]) -> None:
    assert [number_of(ask(view=view)) for _ in range(3)] == [1, 2, 3]
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize("other", [{"body": {"a": 2}}, {"path": "/count/?page=2"}, {"path": "/other/"}])
def test_the_same_key_for_another_request_is_refused(other: dict[str, Any]) -> None:
    ask("k1", {"a": 1})
    response = ask("k1", **{"body": {"a": 1}, **other})
    assert (response.status_code, code(response)) == (422, "idempotency-mismatch")
    assert counted() == 1


def test_the_same_key_with_another_method_is_refused() -> None:
    class Putting(Counter):
        put = Counter.post

    ask("k1")
    request = APIRequestFactory().put("/count/", {}, format="json", headers={"Idempotency-Key": "k1"})
    response: HttpResponse = Putting.as_view()(request)  # type: ignore[assignment]
    assert (response.status_code, code(response)) == (422, "idempotency-mismatch")
    assert counted() == 1


def test_two_callers_may_use_the_same_key() -> None:
    assert number_of(ask("k1", actor="user:1")) == 1
    assert number_of(ask("k1", actor="key:2")) == 2


def test_a_retry_is_recognised_after_its_caller_moved_to_another_facility() -> None:
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    assert [number_of(ask("k1", facility=facility)) for facility in (one, other, "")] == [1, 1, 1]
    assert is_replay(ask("k1", facility=other))
    assert counted() == 1


def test_a_key_without_a_caller_is_refused() -> None:
    response = ask("k1", actor="")
    assert (response.status_code, code(response)) == (401, "not-authenticated")
    assert counted() == 0


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ключ", "a\tb"])
def test_a_malformed_key_is_a_validation_error(key: str) -> None:
    response = ask(key)
    assert (response.status_code, code(response)) == (400, "validation-error")
    assert json.loads(response.content)["errors"][0]["field"] == "Idempotency-Key"
    assert counted() == 0


def test_the_longest_key() -> None:
    assert ask("~" * 255).status_code == 201
    assert is_replay(ask("~" * 255))


def test_after_a_refusal_the_key_is_free() -> None:
    Hooks.before_keep = staticmethod(once(failing(InUse())))
    assert ask("k1", {"a": 1}).status_code == 409
    assert (counted(), IdempotencyRecord.objects.count()) == (0, 0)
    assert number_of(ask("k1", {"a": 2})) == 1


@pytest.mark.parametrize("moment", ["before_keep", "after_keep"])
def test_after_a_bug_the_key_is_free_and_nothing_is_changed(moment: str) -> None:
    setattr(Hooks, moment, staticmethod(once(failing(ZeroDivisionError()))))
    assert ask("k1").status_code == 500
    assert (counted(), IdempotencyRecord.objects.count()) == (0, 0)
    assert number_of(ask("k1")) == 1


@pytest.mark.parametrize("path", ["/count/?unchanged", "/count/?dry_run"])
def test_a_request_that_changed_nothing_leaves_the_key_free(path: str) -> None:
    assert not is_replay(ask("k1", path=path))
    assert not IdempotencyRecord.objects.exists()
    assert not is_replay(ask("k1", path=path))
    assert not is_replay(ask("k1"))
    assert is_replay(ask("k1"))


def test_work_that_rolls_back_leaves_the_key_free() -> None:
    Hooks.after_keep = staticmethod(once(roll_back))
    assert ask("k1").status_code == 201
    assert (counted(), IdempotencyRecord.objects.count()) == (0, 0)
    assert not is_replay(ask("k1"))
    assert counted() == 1


def test_no_answer_but_a_success_can_be_stored() -> None:
    key = Key(actor="user:1", key="k1", fingerprint="0" * 64)
    with pytest.raises(IntegrityError, match="idempotency_keeps_successes"), atomic():
        idempotency.store([(key, Stored(409, b"{}", {}))])


def test_a_refusal_before_the_work_is_not_covered_by_a_stored_answer() -> None:
    """Permissions are checked on every request."""
    ask("k1")
    Hooks.before_write = staticmethod(once(failing(NotFound())))
    assert ask("k1").status_code == 404
    assert is_replay(ask("k1"))
    assert counted() == 1


def test_records_are_kept_for_a_day() -> None:
    start = clock.ManualClock(clock.now())
    with clock.use(start):
        ask("k1")
        start.advance(hours=23)
        ask("k2")
        prune_idempotency_records()
        assert is_replay(ask("k1"))
        start.advance(hours=2)
        assert number_of(ask("k1", {"another": "request"})) == 3  # older than a day counts as gone, pruned or not
        assert is_replay(ask("k1", {"another": "request"}))
        assert idempotency.prune(clock.now() + timedelta(hours=23), batch=1) == 1
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["k1"]
