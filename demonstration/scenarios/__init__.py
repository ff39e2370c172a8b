"""All scenarios by name, in the recommended order."""

from collections.abc import Callable

from demonstration.clinic import Clinic
from demonstration.scenarios import crowd, deadlines, morning, order, report, seats, timetable

Scenario = Callable[[Clinic], None]

SCENARIOS: dict[str, Scenario] = {
    "priority-order": order.priority_order,
    "emergency": order.emergency,
    "cascading-delay": timetable.cascading_delay,
    "cancellation-and-promotion": seats.cancellation_and_promotion,
    "no-show-and-grace": deadlines.no_show_and_grace,
    "hold-and-expiry": deadlines.hold_and_expiry,
    "overflow-and-waiting-list": seats.overflow_and_waiting_list,
    "flash-crowd": crowd.flash_crowd,
    "whole-morning": morning.whole_morning,
    "daily-report": report.daily_report,
}
