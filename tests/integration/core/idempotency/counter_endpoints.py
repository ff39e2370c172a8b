"""Endpoints that increment a counter in a table, with hooks at the stages of a request."""

import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.test import APIRequestFactory

from core.api.answers import Answer
from core.api.commands import Reply, write, write_rows
from core.api.endpoint import Endpoint
from core.api.idempotency import KeyTaken
from core.api.request import ApiRequest
from core.db.transactions import atomic

Hook = Callable[[], None]
TIMEOUT_SECONDS = 20.0


def nothing() -> None:
    """The default hook, which does nothing."""


@dataclass(frozen=True)
class Somebody:
    actor: str
    facility_id: uuid.UUID | None = None


class ByHeader(BaseAuthentication):
    """Authenticate as whatever the headers say."""

    def authenticate(self, request: Any) -> tuple[Any, Somebody] | None:
        actor = request.headers.get("X-Actor", "user:1")
        facility = request.headers.get("X-Facility")
        return (object(), Somebody(actor, uuid.UUID(facility) if facility else None)) if actor else None


class Hooks:
    """Hooks called at the stages of a request; tests replace them."""

    before_write: Hook = staticmethod(nothing)
    before_keep: Hook = staticmethod(nothing)
    after_keep: Hook = staticmethod(nothing)
    after_rollback: Hook = staticmethod(nothing)
    runs = 0

    @classmethod
    def reset(cls) -> None:
        cls.before_write = cls.before_keep = cls.after_keep = cls.after_rollback = staticmethod(nothing)
        cls.runs = 0


def add_one() -> int:
    """Increment the counter; only the Idempotency-Key prevents a second increment."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_counter DEFAULT VALUES")
    return counted()


def counted() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM test_counter")
        return int(cursor.fetchone()[0])


def shown(number: int) -> Answer:
    return Answer(201, {"number": number, "at": 3.80}, {"ETag": f'"{number}"'})


class Counter(Endpoint):
    """Count in a transaction opened by the view, like the operations on slots."""

    authentication_classes = [ByHeader]
    permission_classes = []
    throttle_classes = []

    def post(self, request: ApiRequest) -> Answer:
        Hooks.before_write()

        def count(*, reply: Reply) -> Answer:
            Hooks.runs += 1
            try:
                with atomic(durable=True):
                    number = add_one()
                    Hooks.before_keep()
                    answer = reply.store(number, changed="unchanged" not in request.query_params)
                    Hooks.after_keep()
                    return answer
            except KeyTaken:
                Hooks.after_rollback()
                raise

        return write(request, count, shown, store="dry_run" not in request.query_params)


class Rows(Endpoint):
    """Count in the transaction of `write_rows`, like the endpoints that only write rows."""

    authentication_classes = [ByHeader]
    permission_classes = []
    throttle_classes = []

    def post(self, request: ApiRequest) -> Answer:
        def count() -> int:
            Hooks.runs += 1
            number = add_one()
            Hooks.before_keep()
            return number

        return write_rows(request, count, shown)


views = pytest.mark.parametrize("view", [Counter, Rows])


def ask(
    key: str | None = None,
    body: Any = None,
    path: str = "/count/",
    actor: str = "user:1",
    facility: str = "",
    view: type[Endpoint] = Counter,
) -> HttpResponse:
    headers = {"X-Actor": actor, "X-Facility": facility, **({} if key is None else {"Idempotency-Key": key})}
    request = APIRequestFactory().post(path, body or {}, format="json", headers=headers)
    response: HttpResponse = view.as_view()(request)  # type: ignore[assignment]
    return response


def number_of(response: HttpResponse) -> int:
    assert response.status_code == 201, response.content
    return int(json.loads(response.content)["number"])


def code(response: HttpResponse) -> str:
    return str(json.loads(response.content)["code"])


def is_replay(response: HttpResponse) -> bool:
    return response.headers.get("Idempotency-Replayed") == "true"


def once(act: Hook) -> Hook:
    """Return a hook that runs the first time only."""
    left = [act]

    def step_in() -> None:
        if left:
            left.pop()()

    return step_in


def failing(error: Exception) -> Hook:
    def fail() -> None:
        raise error

    return fail


class Threads:
    """Runs requests in threads, each with its own connection."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def start(self, step: Callable[[], Any]) -> Future[Any]:
        def run() -> Any:
            try:
                return step()
            finally:
                connection.close()

        return self._pool.submit(run)


def meeting(parties: int) -> Hook:
    """Return a hook at which this many threads wait for each other, each once."""
    barrier, met = threading.Barrier(parties), set[int]()

    def meet() -> None:
        if threading.get_ident() not in met:
            met.add(threading.get_ident())
            barrier.wait(TIMEOUT_SECONDS)

    return meet


def backend() -> int:
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')")
        return bool(cursor.fetchone()[0])


def terminate(pid: int) -> None:
    """Terminate a connection on the server and wait until it has ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
