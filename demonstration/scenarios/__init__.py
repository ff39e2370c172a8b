"""All scenarios by name, in the recommended order."""

from collections.abc import Callable

from demonstration.clinic import Clinic
from demonstration.scenarios import (
    calling,
    changes,
    crowd,
    deadlines,
    morning,
    order,
    report,
    screen,
    seats,
    session,
    timetable,
)

Scenario = Callable[[Clinic], None]

SCENARIOS: dict[str, Scenario] = {
    "priority-order": order.priority_order,
    "emergency": order.emergency,
    "cascading-delay": timetable.cascading_delay,
    "cancellation-and-promotion": seats.cancellation_and_promotion,
    "no-show-and-grace": deadlines.no_show_and_grace,
    "hold-and-expiry": deadlines.hold_and_expiry,
    "overflow-and-waiting-list": seats.overflow_and_waiting_list,
    "two-rooms": calling.two_rooms,
    "recall-and-skip": calling.recall_and_skip,
    "lab-and-back": calling.lab_and_back,
    "move-to-another-doctor": changes.move_to_another_doctor,
    "undo": changes.undo,
    "pause-and-finish": session.pause_and_finish,
    "flash-crowd": crowd.flash_crowd,
    "whole-morning": morning.whole_morning,
    "waiting-room-board": screen.waiting_room_board,
    "daily-report": report.daily_report,
}
