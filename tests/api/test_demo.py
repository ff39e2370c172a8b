"""demo.py: every scenario passes against the real application, and failures are reported."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

import demo
from accounts.access.roles import Role
from accounts.models import User
from demonstration.clinic import Clinic
from demonstration.outcome import SurpriseError
from demonstration.scenarios import SCENARIOS
from events.models import Event
from live.models import Board
from tokens.services import TokenAllocationService

PASSWORD = "blue-kettle-on-the-third-shelf"
LIVE_DAY = {
    "two-rooms": {"token.called", "token.completed"},
    "recall-and-skip": {"token.recalled", "token.skipped", "token.no_show", "token.reinstated"},
    "lab-and-back": {"token.stepped_out", "token.stepped_in"},
    "move-to-another-doctor": {"token.moved", "token.promoted"},
    "undo": {"token.undone"},
    "pause-and-finish": {"slot.began", "slot.paused", "slot.resumed", "slot.finished", "token.moved", "token.not_seen"},
    "waiting-room-board": {"token.called", "token.recalled", "slot.paused", "slot.finished"},
}
"""The scenarios of the live day, and events that each of them causes."""


@pytest.fixture
def served(live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server with short durations, an ADMIN account and a sweeping thread."""
    settings.OPD_HOLD_SECONDS = 2.0
    settings.OPD_NO_SHOW_GRACE_MINUTES = 2.0 / 60
    User.objects.create_user(username="nora", email="nora@example.org", password=PASSWORD, role=Role.ADMIN)
    monkeypatch.setenv("OPD_URL", live_server.url)
    monkeypatch.setenv("OPD_USERNAME", "nora")
    monkeypatch.setenv("OPD_PASSWORD", PASSWORD)
    stop = threading.Event()

    def sweep() -> None:
        try:
            while not stop.wait(0.3):
                TokenAllocationService().sweep()
        finally:
            connection.close()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    yield
    stop.set()
    sweeper.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_scenario_ends_as_promised(name: str, served: None, capsys: pytest.CaptureFixture[str]) -> None:
    status = demo.main([name])
    assert status == 0, capsys.readouterr().out
    assert LIVE_DAY.get(name, set()) <= set(Event.objects.values_list("type", flat=True))
    assert not Board.objects.exists(), "the demo removes the boards that it adds"


def test_the_live_day_has_scenarios() -> None:
    assert set(LIVE_DAY) <= set(SCENARIOS)


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_deadlines_that_are_far_off(
    served: None, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.OPD_HOLD_SECONDS = 120.0
    settings.OPD_NO_SHOW_GRACE_MINUTES = 15.0
    assert demo.main(["hold-and-expiry", "no-show-and-grace"]) == 0
    assert capsys.readouterr().out.count("We don't wait for that here.") == 2


@pytest.mark.django_db(transaction=True)
def test_a_scenario_that_fails_does_not_stop_the_others(
    served: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def breaks_its_promise(clinic: Clinic) -> None:
        raise SurpriseError("two patients have one seat")

    def has_another_shape(clinic: Clinic) -> None:
        raise KeyError("ticket")

    def passes(clinic: Clinic) -> None:
        ran.append("passes")

    for name, scenario in (("one", breaks_its_promise), ("two", has_another_shape), ("three", passes)):
        monkeypatch.setitem(SCENARIOS, name, scenario)
    assert demo.main(["one", "two", "three"]) == 1
    told = capsys.readouterr().out
    assert "two patients have one seat" in told
    assert "ticket" in told
    assert ran == ["passes"]


@pytest.mark.django_db(transaction=True)
def test_a_user_without_permission_to_add_doctors_gets_an_error(
    served: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    User.objects.create_user(username="fred", email="fred@example.org", password=PASSWORD, role=Role.FRONT_DESK)
    monkeypatch.setenv("OPD_USERNAME", "fred")
    assert demo.main(["emergency"]) == 2
    assert "needs an ADMIN" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_a_wrong_password_is_reported(
    served: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPD_PASSWORD", "wrong")
    assert demo.main([]) == 2
    assert "Check OPD_USERNAME and OPD_PASSWORD" in capsys.readouterr().out


def test_missing_credentials_and_an_unreachable_server_are_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPD_USERNAME", raising=False)
    monkeypatch.delenv("OPD_PASSWORD", raising=False)
    assert demo.main([]) == 2
    assert "OPD_USERNAME and OPD_PASSWORD not set" in capsys.readouterr().out
    monkeypatch.setenv("OPD_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("OPD_USERNAME", "nora")
    monkeypatch.setenv("OPD_PASSWORD", PASSWORD)
    assert demo.main([]) == 2
    assert "No answer from http://127.0.0.1:9" in capsys.readouterr().out


def test_the_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--list"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in SCENARIOS)


def test_a_part_of_a_name_is_enough_if_it_fits_only_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.pick("crowd") == "flash-crowd"
    assert demo.main(["and"]) == 2
    assert "No single scenario" in capsys.readouterr().out
