"""Concurrent use of one token, code or name, and concurrent removal of the last two administrators."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection
from django.db.models import QuerySet

from accounts import users
from accounts.access.roles import Role
from accounts.auth import one_time_codes, registration, sessions
from accounts.errors import EmailTaken, LastAdministrator, UsernameTaken, WrongCode
from accounts.limits import lockout
from accounts.models import OneTimeCode, Session, User

pytestmark = pytest.mark.django_db(transaction=True)
RESET = OneTimeCode.Purpose.RESET


def together(*works: Callable[[], Any]) -> list[Any]:
    """Run the functions at once; return their results or exceptions in order."""
    barrier = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(index: int, work: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[index] = work()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def make_user(username: str = "desk", role: Role = Role.FRONT_DESK) -> User:
    return users.create_user(
        by="user:x", username=username, email=f"{username}@mail.example", role=role, password="quiet-harbour-42"
    )


def test_a_refresh_token_used_at_once_by_one_client_gives_one_pair() -> None:
    first = sessions.open_session(user=make_user())
    pairs = together(*[lambda: sessions.refresh_session(raw=first.refresh, client="a")] * 6)
    assert all(isinstance(each, sessions.TokenPair) for each in pairs), pairs
    assert len(set(pairs)) == 1
    assert pairs[0].refresh != first.refresh
    assert Session.objects.get().ended_at is None
    assert sessions.refresh_session(raw=pairs[0].refresh, client="a").refresh not in (first.refresh, pairs[0].refresh)


def test_a_refresh_token_used_at_once_by_two_clients_ends_the_session() -> None:
    pair = sessions.open_session(user=make_user())
    results = together(*[lambda name=name: sessions.refresh_session(raw=pair.refresh, client=name) for name in "abc"])
    pairs = [each for each in results if isinstance(each, sessions.TokenPair)]
    assert len(pairs) == 1
    assert all(isinstance(each, sessions.TokenPair | sessions.SessionEnded) for each in results)
    assert Session.objects.get().ended_at is not None
    with pytest.raises(sessions.SessionEnded):
        sessions.refresh_session(raw=pairs[0].refresh, client="a")


def use(code: str, sender: str = "10.0.0.1") -> OneTimeCode:
    row = one_time_codes.find_code(purpose=RESET, address="a@mail.example", code=code, sender=sender)
    one_time_codes.consume(row)
    return row


def new_code() -> str:
    code = one_time_codes.new_code(purpose=RESET, address="a@mail.example", sender="10.0.0.9", details={"user": "x"})
    assert code
    return code


def test_a_code_entered_twice_at_once_opens_once() -> None:
    code = new_code()
    results = together(*[lambda: use(code)] * 4)
    assert sum(isinstance(each, OneTimeCode) for each in results) == 1
    assert sum(isinstance(each, WrongCode) for each in results) == 3


def test_two_codes_entered_at_once_open_once() -> None:
    first, second = new_code(), new_code()
    results = together(lambda: use(first), lambda: use(second), lambda: use(second), lambda: use(first))
    assert sum(isinstance(each, OneTimeCode) for each in results) == 1
    assert sum(isinstance(each, WrongCode) for each in results) == 3


def test_guesses_at_the_same_moment_share_no_try() -> None:
    code = new_code()
    find = partial(one_time_codes.find_code, purpose=RESET, address="a@mail.example", code=code)
    by_one = together(*[partial(find, sender="10.0.0.1")] * 12)
    assert sum(isinstance(each, OneTimeCode) for each in by_one) == 5
    by_many = together(*[partial(find, sender=f"10.0.1.{turn}") for turn in range(12)])
    assert sum(isinstance(each, OneTimeCode) for each in by_many) == 5, "ten for the account as a whole"


def test_failures_at_the_same_moment_are_all_counted() -> None:
    key = lockout.SignInKey(name="somebody", address="10.0.0.1")
    together(*[key.record_failure] * 5)
    assert key.seconds_locked() > 0


def test_one_name_is_given_once() -> None:
    results = together(*[make_user] * 4)
    assert sum(isinstance(each, User) for each in results) == 1
    from core.api.problem_details import translate

    losers = [each for each in results if not isinstance(each, User)]
    assert all(isinstance(translate(each), UsernameTaken | EmailTaken) for each in losers)


def test_a_name_and_an_address_given_at_the_same_moment_are_not_the_same() -> None:
    text = "both@mail.example"
    for turn in range(5):
        made = [User(username=text), User(username=f"other-{turn}", email=text.upper())]
        results = together(*[partial(each.save, force_insert=True) for each in made])
        assert sum(isinstance(each, IntegrityError) for each in results) == 1, results
        User.objects.all().delete()


def test_one_address_registers_once() -> None:
    registration.request_registration(
        email="a@mail.example", password="seven-white-lotus", name="A", phone="98450", sender="10.0.0.1"
    )
    code = mail.outbox[-1].subject.split()[-1]
    results = together(*[lambda: registration.register(email="a@mail.example", otp=code, sender="10.0.0.1")] * 3)
    assert sum(isinstance(each, User) for each in results) == 1
    assert sum(isinstance(each, WrongCode) for each in results) == 2


def test_two_administrators_cannot_remove_each_other() -> None:
    first, second = make_user("a", Role.ADMIN), make_user("b", Role.ADMIN)
    results = together(
        lambda: users.remove_user(user_id=first.pk, by="user:x"),
        lambda: users.change_user(user_id=second.pk, changes={"is_active": False}, by="user:x"),
    )
    assert sum(isinstance(each, LastAdministrator) for each in results) == 1
    assert User.objects.filter(role=Role.ADMIN, is_active=True).count() == 1


def demote(user: User) -> None:
    users.change_user(user_id=user.pk, changes={"role": Role.FRONT_DESK}, by="user:x")


def administrators() -> int:
    return User.objects.filter(role=Role.ADMIN, is_active=True).count()


def test_canary_without_locks_two_administrators_demote_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make_user("a", Role.ADMIN), make_user("b", Role.ADMIN)
    both_have_read, save = threading.Barrier(2, timeout=20), User.save

    def save_when_both_have_read(user: User, *args: Any, **kwargs: Any) -> None:
        both_have_read.wait()
        save(user, *args, **kwargs)

    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows)
    monkeypatch.setattr(User, "save", save_when_both_have_read)
    assert together(partial(demote, first), partial(demote, second)) == [None, None]
    assert administrators() == 0


def test_two_administrators_cannot_demote_each_other() -> None:
    for turn in range(5):
        first, second = make_user(f"a{turn}", Role.ADMIN), make_user(f"b{turn}", Role.ADMIN)
        results = together(partial(demote, first), partial(demote, second))
        assert sum(isinstance(each, LastAdministrator) for each in results) == 1, results
        assert administrators() == 1
        User.objects.all().delete()
