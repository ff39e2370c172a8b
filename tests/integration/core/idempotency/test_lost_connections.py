"""Lost database connections during a request: when the request is retried, and when it is not."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection

from core.models import IdempotencyRecord
from tests.integration.core.idempotency.counter_endpoints import (
    Hook,
    Hooks,
    Threads,
    ask,
    backend,
    code,
    counted,
    is_replay,
    number_of,
    once,
    terminate,
)

pytestmark = pytest.mark.django_db(transaction=True, available_apps=["core"])  # only these tables have to be emptied


def lose_connection() -> None:
    """Have the server end this connection, as at a restart; the statement fails."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def lose_node(message: str = "failure on connection marked as essential: 10.0.0.5:5432") -> None:
    """Have the server report a lost node, as a coordinator does; the statement fails."""
    with connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'XX000'; END $$")


def cut_before_commit() -> None:
    """Have the server close this connection unnoticed, so that COMMIT gets no response."""
    pid = backend()
    with ThreadPoolExecutor(1) as pool:
        Threads(pool).start(lambda: terminate(pid)).result()


def fail_commit_on_a_node() -> None:
    """Make COMMIT fail as on a coordinator that lost a node."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION pg_temp.lost() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION 'could not commit transaction for shard 102008 on at least one active node'
                USING ERRCODE = 'XX000'; END $$;
            CREATE CONSTRAINT TRIGGER lost AFTER INSERT ON test_counter DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION pg_temp.lost();
            INSERT INTO test_counter DEFAULT VALUES""")


before_commit = pytest.mark.parametrize("lose", [lose_connection, lose_node])
at_commit = pytest.mark.parametrize("lose", [cut_before_commit, fail_commit_on_a_node])


@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_deadlock_s_victim_is_run_again(key: str | None, state: str) -> None:
    def die() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'victim' USING ERRCODE = '{state}'; END $$")

    left = [die, die]
    Hooks.before_keep = staticmethod(lambda: left.pop()() if left else None)
    assert ask(key).status_code == 201
    assert (counted(), Hooks.runs) == (1, 3)
    Hooks.before_keep = staticmethod(die)
    response = ask(None if key is None else "k2")
    assert (response.status_code, code(response)) == (503, "unavailable")
    assert response["Retry-After"]
    assert counted() == 1


@before_commit
@pytest.mark.parametrize("moment", ["before_keep", "after_keep"])
@pytest.mark.parametrize("key", [None, "k1"])
def test_a_connection_lost_before_the_commit_is_tried_again(key: str | None, moment: str, lose: Hook) -> None:
    setattr(Hooks, moment, staticmethod(once(lose)))
    assert not is_replay(ask(key))
    assert (counted(), Hooks.runs) == (1, 2)


@at_commit
def test_a_connection_lost_at_the_commit_is_not_tried_blindly(lose: Hook) -> None:
    Hooks.after_keep = staticmethod(once(lose))
    response = ask()
    assert (response.status_code, code(response)) == (503, "unavailable")
    assert response["Retry-After"]
    assert (counted(), Hooks.runs) == (0, 1)


@at_commit
def test_with_a_key_a_connection_lost_at_the_commit_is_looked_into_and_tried_again(lose: Hook) -> None:
    Hooks.after_keep = staticmethod(once(lose))
    assert not is_replay(ask("k1"))
    assert (counted(), Hooks.runs) == (1, 2)


@pytest.mark.parametrize(("key", "status"), [("k1", 201), (None, 503)])
def test_a_commit_whose_confirmation_was_lost(key: str | None, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key the stored response is found; without one the client must check. The change is never made twice."""
    real, left = connection._commit, [1]  # type: ignore[attr-defined]

    def commit_then_lose() -> None:
        real()
        if left:
            left.pop()
            raise OperationalError("server closed the connection unexpectedly")

    Hooks.after_keep = staticmethod(lambda: monkeypatch.setattr(connection, "_commit", commit_then_lose))
    response = ask(key)
    monkeypatch.undo()
    assert response.status_code == status
    assert (counted(), Hooks.runs) == (1, 1)
    if key is not None:
        assert number_of(response) == 1
        assert ask(key).content == response.content


def test_while_the_database_is_away_nothing_is_kept_and_then_the_key_is_free() -> None:
    place = connection.settings_dict
    port = place["PORT"]

    def go_away() -> None:
        place["PORT"] = 1
        lose_connection()

    Hooks.after_keep = staticmethod(once(go_away))
    try:
        response = ask("k1")
    finally:
        place["PORT"] = port
        connection.close()
    assert (response.status_code, code(response)) == (503, "unavailable")
    assert (counted(), IdempotencyRecord.objects.count()) == (0, 0)
    assert number_of(ask("k1", {"another": "request"})) == 1
