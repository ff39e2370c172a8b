"""What the events of the log record of a token."""

from typing import Any

from tokens.models import Token
from tokens.policy.ordering import OrderKey

LOGGED_TIMES = {
    "expires_at": "expires_at",
    "grace_expires_at": "grace_expires_at",
    "last_estimate": "estimated_time",
    "arrived_at": "arrived_at",
    "called_at": "called_at",
    "completed_at": "completed_at",
    "returns_by": "returns_by",
    "undo_until": "undo_until",
}
LOGGED_NUMBERS = ("times_called", "skips")


def logged(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the times, numbers and room that an event records, so that the queue can be rebuilt from the log alone."""
    times = {LOGGED_TIMES[name]: changes[name] for name in LOGGED_TIMES if name in changes}
    others = {name: changes[name] for name in LOGGED_NUMBERS if name in changes}
    if changes.get("room") is not None:
        others |= {"room": str(changes["room"]), "room_name": changes["room_name"]}
    if "place" in changes:
        others["place"] = logged_place(changes["place"])
    return {name: None if moment is None else moment.isoformat() for name, moment in times.items()} | others


def facts_of(token: Token) -> dict[str, Any]:
    """Return all that the log records of a token."""
    names = [*LOGGED_TIMES, *LOGGED_NUMBERS, "place", "room", "room_name"]
    return {
        "ticket": token.ticket,
        "patient": str(token.patient_id),
        "category": token.category,
        "priority": str(token.priority),
        "acuity": token.acuity,
        "arrival": token.arrival,
        "created_at": token.created_at.isoformat(),
        "actual_time": None if token.actual_time is None else token.actual_time.isoformat(),
        **logged({name: getattr(token, name) for name in names}),
    }


def logged_place(place: OrderKey | None) -> list[Any] | None:
    """Return a place as an event records it."""
    if place is None:
        return None
    priority, band, arrival, fraction = place
    return [str(priority), band, arrival, str(fraction)]
