"""The lifecycle table matches contract sections 4 and 14, transition by transition."""

import pytest

from tokens.policy.lifecycle import LIVE, MOVES, QUEUED, Action, Status, allows, holds_seat

CONTRACT = {
    Action.CONFIRM: ({"PENDING"}, "CONFIRMED"),
    Action.EXPIRE: ({"PENDING"}, "EXPIRED"),
    Action.CHECK_IN: ({"CONFIRMED"}, "CHECKED_IN"),
    Action.CALL: ({"CONFIRMED", "CHECKED_IN"}, "CALLED"),
    Action.RECALL: ({"CALLED"}, "CALLED"),
    Action.STEP_OUT: ({"CHECKED_IN", "CALLED", "IN_CONSULTATION"}, "STEPPED_OUT"),
    Action.STEP_IN: ({"STEPPED_OUT"}, "CHECKED_IN"),
    Action.END_ABSENT: ({"CONFIRMED"}, "NO_SHOW"),
    Action.END_UNSEEN: ({"CHECKED_IN", "STEPPED_OUT"}, "NOT_SEEN"),
    Action.START: ({"CALLED"}, "IN_CONSULTATION"),
    Action.REQUEUE: ({"CALLED"}, "CHECKED_IN"),
    Action.SKIP: ({"CALLED"}, "CHECKED_IN"),
    Action.LET_PASS: ({"CHECKED_IN"}, "CHECKED_IN"),
    Action.COMPLETE: ({"IN_CONSULTATION"}, "COMPLETED"),
    Action.NO_SHOW: ({"CONFIRMED", "CHECKED_IN", "CALLED"}, "NO_SHOW"),
    Action.REINSTATE: ({"NO_SHOW"}, "CHECKED_IN"),
    Action.END_GRACE: ({"NO_SHOW"}, "NO_SHOW"),
    Action.CANCEL: ({"PENDING", "CONFIRMED", "CHECKED_IN", "CALLED", "BUFFER"}, "CANCELLED"),
    Action.CANCEL_WITH_SLOT: (
        {"PENDING", "CONFIRMED", "CHECKED_IN", "CALLED", "STEPPED_OUT", "NO_SHOW", "BUFFER"},
        "CANCELLED",
    ),
    Action.BUFFER: ({"CONFIRMED", "CHECKED_IN"}, "BUFFER"),
    Action.RELEASE_BUFFER: ({"BUFFER"}, "CANCELLED"),
    Action.BECOME_EMERGENCY: ({"PENDING", "CONFIRMED", "CHECKED_IN"}, "CHECKED_IN"),
    Action.RECLASSIFY_HELD: ({"PENDING"}, "PENDING"),
    Action.RECLASSIFY: ({"CONFIRMED"}, "CONFIRMED"),
    Action.RECLASSIFY_ARRIVED: ({"CHECKED_IN"}, "CHECKED_IN"),
    Action.MOVE_HELD: ({"PENDING"}, "PENDING"),
    Action.MOVE: ({"PENDING", "CONFIRMED", "CHECKED_IN", "STEPPED_OUT"}, "CONFIRMED"),
    Action.MOVE_ARRIVED: ({"CHECKED_IN", "STEPPED_OUT"}, "CHECKED_IN"),
    Action.MOVE_STEPPED_OUT: ({"STEPPED_OUT"}, "STEPPED_OUT"),
    Action.TRIAGE: ({"CHECKED_IN"}, "CHECKED_IN"),
    Action.BOOK: (set(), "CONFIRMED"),
    Action.BOOK_ARRIVED: (set(), "CHECKED_IN"),
    Action.HOLD: (set(), "PENDING"),
    Action.PROMOTE: (set(), "CONFIRMED"),
    Action.ADMIT_EMERGENCY: (set(), "CHECKED_IN"),
}


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("status", list(Status))
def test_every_action_from_every_state(action: Action, status: Status) -> None:
    sources, target = CONTRACT[action]
    assert allows(action=action, status=status) == (status.value in sources)
    assert MOVES[action].target == target


def test_seats_and_life_by_state() -> None:
    seats = {status.value for status in Status if holds_seat(status=status, in_grace=False)}
    assert seats == {
        "PENDING",
        "CONFIRMED",
        "CHECKED_IN",
        "CALLED",
        "IN_CONSULTATION",
        "STEPPED_OUT",
        "COMPLETED",
        "BUFFER",
    }
    assert holds_seat(status=Status.NO_SHOW, in_grace=True)
    assert QUEUED < LIVE
