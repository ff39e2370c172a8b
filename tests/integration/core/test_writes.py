"""Retry safety without any of the hospital: a view that counts in a table, real threads, real transactions."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from core import clock
from core.api import idempotency
from core.api.commands import Answer, write
from core.db.transactions import atomic
from core.errors import InUse, NotFound
from core.models import IdempotencyRecord
from core.tasks import prune_idempotency_records


@dataclass(frozen=True)
class Somebody:
    actor: str


class ByHeader(BaseAuthentication):
    """Believes the caller, for once."""

    def authenticate(self, request: Request) -> tuple[Any, Somebody]:
        return object(), Somebody(request.headers.get("X-Actor", "user:1"))


class Counter(APIView):
    """Counts; a hook may step in between the change and the commit."""

    authentication_classes = [ByHeader]
    permission_classes = []
    before_answer: Callable[[], None] = staticmethod(lambda: None)
    before_write: Callable[[], None] = staticmethod(lambda: None)
    after_answer: Callable[[], None] = staticmethod(lambda: None)
    runs = 0

    def post(self, request: Request) -> Response:
        type(self).before_write()

        def count(*, answer: Callable[[int], Any]) -> Any:
            type(self).runs += 1
            with atomic():
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE test_counter SET n = n + 1 RETURNING n")
                    number = cursor.fetchone()[0]
                type(self).before_answer()
                made = answer(number)
                type(self).after_answer()
                return made

        return write(
            request, count, lambda number: Answer(201, {"number": number, "at": 3.80}, {"ETag": f'"{number}"'})
        )


@pytest.fixture(autouse=True)
def _counter(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Real commits, and only these two tables to clean: emptying every table for each test takes half a second."""
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS test_counter")
            cursor.execute("CREATE TABLE test_counter (n int CHECK (n >= 0)); INSERT INTO test_counter VALUES (0)")
        Counter.runs = 0
        Counter.before_answer = Counter.before_write = Counter.after_answer = staticmethod(lambda: None)
        yield
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE test_counter")
        IdempotencyRecord.objects.all().delete()
        connection.close()


def ask(key: str | None = None, body: Any = None, path: str = "/count/", actor: str = "user:1") -> Response:
    headers = {"X-Actor": actor, **({} if key is None else {"Idempotency-Key": key})}
    request = APIRequestFactory().post(path, body or {}, format="json", headers=headers)
    response = Counter.as_view()(request)
    return response.render() if not response.is_rendered else response


def counted() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT n FROM test_counter")
        return int(cursor.fetchone()[0])


def code(response: Response) -> str:
    return str(json.loads(response.content)["code"])


def once(error: Exception) -> Callable[[], None]:
    """A hook that fails the first time only."""
    left = [error]

    def step_in() -> None:
        if left:
            raise left.pop()

    return step_in


def lose_connection() -> None:
    """Have the server end this connection, as at a restart."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def lose_node(message: str = "failure on connection marked as essential: 10.0.0.5:5432") -> None:
    """Have the server tell that it lost another server, as a coordinator does."""
    with connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'XX000'; END $$")


def lose_commit() -> None:
    lose_node("could not commit transaction for shard 102008 on at least one active node")


losing = pytest.mark.parametrize("lose", [lose_connection, lose_node, lose_commit])


def once_lost(lose: Callable[[], None] = lose_connection) -> Callable[[], None]:
    left = [1]

    def step_in() -> None:
        if left:
            left.pop()
            lose()

    return step_in


def test_the_first_answer_again_byte_for_byte() -> None:
    first, second = ask("k1", {"a": 1, "b": [2]}), ask("k1", {"b": [2], "a": 1})
    assert first.status_code == second.status_code == 201
    assert first.content == second.content == b'{"number":1,"at":3.8}'
    assert first["ETag"] == second["ETag"] == '"1"'
    assert first["Content-Type"] == second["Content-Type"] == "application/json"
    assert not first.has_header("Idempotency-Replayed")
    assert second["Idempotency-Replayed"] == "true"
    assert counted() == 1


def test_without_a_key_every_request_counts() -> None:
    assert [ask().data["number"] for _ in range(3)] == [1, 2, 3]
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize("other", [{"body": {"a": 2}}, {"path": "/count/?dry_run=true"}, {"path": "/other/"}])
def test_the_same_key_for_another_request_is_refused(other: dict[str, Any]) -> None:
    ask("k1", {"a": 1})
    response = ask("k1", **{"body": {"a": 1}, **other})
    assert (response.status_code, code(response)) == (422, "idempotency-mismatch")
    assert counted() == 1


def test_two_callers_may_use_the_same_key() -> None:
    assert ask("k1", actor="user:1").data["number"] == 1
    assert ask("k1", actor="key:2").data["number"] == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ключ", "a\tb"])
def test_a_malformed_key_is_a_validation_error(key: str) -> None:
    response = ask(key)
    assert (response.status_code, code(response)) == (400, "validation-error")
    assert json.loads(response.content)["errors"][0]["field"] == "Idempotency-Key"


def test_the_longest_key() -> None:
    assert ask("~" * 255).status_code == 201


def test_after_a_refusal_the_key_is_free() -> None:
    Counter.before_answer = staticmethod(once(InUse()))
    assert ask("k1", {"a": 1}).status_code == 409
    assert counted() == 0
    assert ask("k1", {"a": 2}).status_code == 201
    assert counted() == 1


def test_after_a_bug_the_key_is_free_and_nothing_is_changed() -> None:
    Counter.after_answer = staticmethod(once(ZeroDivisionError()))
    assert ask("k1").status_code == 500
    assert counted() == 0
    assert ask("k1").status_code == 201


def test_fifty_at_once_with_one_key_have_one_effect() -> None:
    together = threading.Barrier(50)

    def one() -> int:
        together.wait()
        try:
            return ask("k1").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        answers = sorted(each.result() for each in [pool.submit(one) for _ in range(50)])
    assert counted() == 1
    assert set(answers) <= {201, 409}
    assert 201 in answers


def test_while_the_first_still_runs_the_second_is_told_so() -> None:
    seen: list[Response] = []

    def meanwhile() -> None:
        def other() -> None:
            seen.append(ask("k1"))
            seen.append(ask("k1", {"other": 1}))
            connection.close()

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    Counter.before_answer = staticmethod(meanwhile)
    assert ask("k1").status_code == 201
    assert [(each.status_code, code(each)) for each in seen] == [
        (409, "idempotency-in-progress"),
        (422, "idempotency-mismatch"),
    ]
    assert seen[0]["Retry-After"]
    assert counted() == 1


def test_a_run_that_died_blocks_its_key_no_longer_than_its_lease() -> None:
    start = clock.ManualClock(clock.now())
    with clock.use(start):
        asked = idempotency.Asked(actor="user:1", key="k1", fingerprint="0" * 64)
        idempotency.claim(asked, token=uuid.uuid4())
        assert ask("k1").status_code == 422
        start.advance(seconds=15.5)
        assert ask("k1").status_code == 201
    assert counted() == 1


def test_a_run_whose_key_was_taken_over_cannot_commit() -> None:
    taken_over: list[Response] = []

    def meanwhile() -> None:
        Counter.before_answer = staticmethod(lambda: None)
        # The change itself is not locked yet by the second run: it counts after this one has rolled back.
        IdempotencyRecord.objects.filter(key="k1").update(claim=uuid.uuid4())

    Counter.before_answer = staticmethod(meanwhile)
    response = ask("k1")
    taken_over.append(response)
    assert (response.status_code, code(response)) == (409, "idempotency-in-progress")
    assert counted() == 0


def test_a_repeated_request_that_would_be_refused_now_gets_its_first_answer() -> None:
    first = ask("k1")
    Counter.before_write = staticmethod(once(NotFound()))
    again = ask("k1")
    assert again.status_code == 201
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"
    Counter.before_write = staticmethod(once(NotFound()))
    assert ask("k1", {"another": "request"}).status_code == 422
    Counter.before_write = staticmethod(once(NotFound()))
    assert ask("k2").status_code == 404
    Counter.before_write = staticmethod(once(NotFound()))
    assert ask("k1", actor="user:2").status_code == 404
    assert counted() == 1


@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_deadlock_s_victim_is_run_again(key: str | None, state: str) -> None:
    def die() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'victim' USING ERRCODE = '{state}'; END $$")

    left = [1, 1]

    def twice() -> None:
        if left:
            left.pop()
            die()

    Counter.before_answer = staticmethod(twice)
    assert ask(key).status_code == 201
    assert Counter.runs == 3
    assert counted() == 1
    Counter.before_answer = staticmethod(die)
    response = ask(None if key is None else "k2")
    assert (response.status_code, code(response)) == (503, "unavailable")
    assert response["Retry-After"]
    assert counted() == 1


@losing
@pytest.mark.parametrize("key", [None, "k1"])
def test_a_connection_lost_before_the_commit_is_tried_again(key: str | None, lose: Callable[[], None]) -> None:
    Counter.before_answer = staticmethod(once_lost(lose))
    assert ask(key).status_code == 201
    assert Counter.runs == 2
    assert counted() == 1


@losing
def test_a_connection_lost_at_the_commit_is_not_tried_blindly(lose: Callable[[], None]) -> None:
    Counter.after_answer = staticmethod(once_lost(lose))
    response = ask()
    assert (response.status_code, code(response)) == (503, "unavailable")
    assert Counter.runs == 1
    assert counted() == 0


@losing
def test_with_a_key_a_connection_lost_at_the_commit_is_looked_into_and_tried_again(lose: Callable[[], None]) -> None:
    Counter.after_answer = staticmethod(once_lost(lose))
    assert ask("k1").status_code == 201
    assert Counter.runs == 2
    assert counted() == 1


def test_with_a_key_a_commit_whose_confirmation_was_lost_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = connection._commit, [1]  # type: ignore[attr-defined]

    def commit_then_lose() -> None:
        real()
        if left:
            left.pop()
            raise OperationalError("server closed the connection unexpectedly")

    Counter.after_answer = staticmethod(lambda: monkeypatch.setattr(connection, "_commit", commit_then_lose))
    response = ask("k1")
    monkeypatch.undo()
    assert response.status_code == 201
    assert not response.has_header("Idempotency-Replayed")
    assert json.loads(response.content)["number"] == 1
    assert Counter.runs == 1
    assert counted() == 1


def test_a_key_that_could_not_be_freed_while_the_database_was_away_is_freed_later() -> None:
    place = connection.settings_dict

    def go_away() -> None:
        lose_with = place["PORT"]
        place["PORT"] = 1
        try:
            lose_connection()
        finally:
            back.append(lose_with)

    back: list[Any] = []
    Counter.before_answer = staticmethod(go_away)
    response = ask("k1")
    assert (response.status_code, code(response)) == (503, "unavailable")
    place["PORT"] = back[0]
    connection.close()
    Counter.before_answer = staticmethod(lambda: None)
    assert IdempotencyRecord.objects.filter(key="k1", status=None).exists()
    ask("k2")
    assert not IdempotencyRecord.objects.filter(key="k1").exists()
    assert ask("k1", {"another": "request"}).status_code == 201


def test_work_that_decides_to_change_nothing_leaves_the_key_free() -> None:
    from django.db import transaction

    Counter.after_answer = staticmethod(lambda: transaction.set_rollback(True))
    assert ask("k1").status_code == 201
    Counter.after_answer = staticmethod(lambda: None)
    assert not IdempotencyRecord.objects.exists()
    assert not ask("k1").has_header("Idempotency-Replayed")
    assert counted() == 1


def test_records_are_kept_for_a_day() -> None:
    start = clock.ManualClock(clock.now())
    with clock.use(start):
        ask("k1")
        start.advance(hours=23)
        ask("k2")
        prune_idempotency_records()
        assert ask("k1").has_header("Idempotency-Replayed")
        start.advance(hours=2)
        assert ask("k1").data["number"] == 3  # older than a day counts as gone, pruned or not
        assert idempotency.prune(clock.now() + timedelta(hours=23), batch=1) == 1
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["k1"]
