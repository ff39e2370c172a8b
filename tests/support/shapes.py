"""The exact fields and types of the resources in contract section 1."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

STATUSES = {
    "PENDING", "CONFIRMED", "CHECKED_IN", "CALLED", "IN_CONSULTATION", "COMPLETED",
    "CANCELLED", "NO_SHOW", "EXPIRED", "BUFFER", "STEPPED_OUT", "NOT_SEEN",
}  # fmt: skip
CATEGORIES = {"EMERGENCY", "PRIORITY_PAID", "FOLLOWUP", "ONLINE", "WALKIN"}
TICKET = re.compile(r"^[A-Z0-9]{2,8}-[0-9]{3,}$")
Check = Callable[[Any], bool]


def moment(value: Any) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).utcoffset() is not None


def uuid(value: Any) -> bool:
    return isinstance(value, str) and str(UUID(value)) == value


def text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def yes_no(value: Any) -> bool:
    return isinstance(value, bool)


def day(value: Any) -> bool:
    return isinstance(value, str) and date.fromisoformat(value).isoformat() == value


def ticket(value: Any) -> bool:
    return isinstance(value, str) and bool(TICKET.match(value))


def ids(value: Any) -> bool:
    return isinstance(value, list) and all(uuid(each) for each in value)


def one_of(*words: str) -> Check:
    return lambda value: value in words


def or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def maybe_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


FACILITY = {
    "id": uuid, "name": text, "code": text, "time_zone": text, "display_name": maybe_text, "colour": maybe_text,
    "rules": lambda rules: isinstance(rules, dict),
}  # fmt: skip
DOCTOR = {
    "id": uuid, "facility": uuid, "name": text, "specialization": text, "email": maybe_text, "phone": maybe_text,
    "experience_years": or_null(whole), "consultation_minutes": whole, "is_active": yes_no, "created_at": moment,
}  # fmt: skip
PATIENT = {
    "id": uuid, "facility": uuid, "name": text, "phone": or_null(text), "email": maybe_text,
    "date_of_birth": or_null(day), "birth_date_is_approximate": yes_no, "sex": or_null(one_of("F", "M", "O")),
    "needs_assistance": yes_no, "is_active": yes_no, "created_at": moment,
}  # fmt: skip
SLOT = {
    "id": uuid, "doctor": uuid, "doctor_name": text, "start_time": moment, "end_time": moment, "expected_end": moment,
    "max_capacity": whole, "current_capacity": whole, "available_capacity": whole, "waiting_count": whole,
    "status": one_of("ACTIVE", "DELAYED", "CANCELLED", "CLOSED"), "delay_minutes": whole, "cascaded_minutes": whole,
    "consultation_minutes": whole, "rooms": ids, "began_at": or_null(moment),
    "paused_since": or_null(moment), "paused_until": or_null(moment), "finished_at": or_null(moment),
    "version": whole, "created_at": moment,
}  # fmt: skip
SLOT_INFO = {"doctor": or_null(lambda value: True), "start_time": moment, "end_time": moment}
TOKEN = {
    "id": uuid, "ticket": ticket, "room": or_null(uuid), "room_name": or_null(text),
    "slot": uuid, "slot_info": lambda value: shape_of(value, SLOT_INFO) == "",
    "patient": uuid, "patient_name": text, "token_number": or_null(whole), "priority": number,
    "category": one_of(*CATEGORIES), "acuity": or_null(whole), "status": one_of(*STATUSES),
    "estimated_time": or_null(moment), "arrived_at": or_null(moment), "called_at": or_null(moment),
    "times_called": whole, "skips": whole, "actual_time": or_null(moment), "completed_at": or_null(moment),
    "returns_by": or_null(moment), "overdue": yes_no, "undo_until": or_null(moment), "expires_at": or_null(moment),
    "grace_expires_at": or_null(moment), "created_at": moment, "updated_at": moment,
}  # fmt: skip
ENTRY = {
    "id": uuid, "slot": uuid, "patient": uuid, "patient_name": text, "category": one_of(*CATEGORIES),
    "priority": number, "position": or_null(whole), "status": one_of("WAITING", "PROMOTED", "WITHDRAWN", "EXPIRED"),
    "token": or_null(uuid), "created_at": moment,
}  # fmt: skip
EVENT = {
    "id": lambda value: value is not None, "type": text, "slot": or_null(uuid), "token": or_null(uuid), "at": moment,
    "actor": maybe_text, "data": lambda value: isinstance(value, dict),
}  # fmt: skip
FIGURES = {
    "total_slots": whole, "total_tokens": whole, "confirmed_tokens": whole, "cancelled_tokens": whole,
    "no_show_tokens": whole, "completed_tokens": whole, "waitlisted": whole, "cancellation_rate": number,
    "no_show_rate": number, "capacity_utilization": number, "category_breakdown": lambda v: isinstance(v, list),
    "status_breakdown": lambda v: isinstance(v, list),
}  # fmt: skip


def shape_of(thing: Any, shape: dict[str, Check]) -> str:
    """Return the differences between an object and its declared fields."""
    if not isinstance(thing, dict):
        return f"not an object: {thing!r}"
    wrong = []
    if missing := shape.keys() - thing.keys():
        wrong.append(f"missing {sorted(missing)}")
    if extra := thing.keys() - shape.keys():
        wrong.append(f"not in the contract: {sorted(extra)}")
    for name in shape.keys() & thing.keys():
        try:
            good = shape[name](thing[name])
        except (ValueError, TypeError):
            good = False
        if not good:
            wrong.append(f"{name} is {thing[name]!r}")
    return "; ".join(wrong)


def assert_shape(thing: Any, shape: dict[str, Check]) -> None:
    """Fail with every difference between an object and its table in the contract."""
    wrong = shape_of(thing, shape)
    assert not wrong, f"{wrong} in {thing}"
