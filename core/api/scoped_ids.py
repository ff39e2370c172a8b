"""Ids of other facilities in paths: for a caller who acts in one facility they are unknown ids."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from core.errors import NotFound

FacilityOf = Callable[[UUID], UUID]
_facility_of: dict[str, FacilityOf] = {}


def register_id(name: str, facility_of: FacilityOf) -> None:
    """Register the path parameter of this name; `facility_of` returns the facility of an id or raises NotFound."""
    _facility_of[name] = facility_of


def own_id(row_id: UUID, *, facility_of: FacilityOf, within: UUID | None) -> UUID:
    """Return the id, or an unused one if its row lies in another facility than `within` (None: any facility).

    The request then takes the path of an unknown id, so its answer cannot differ from that.
    """
    if within is None:
        return row_id
    try:
        return row_id if facility_of(row_id) == within else uuid4()
    except NotFound:
        return row_id


def own_ids(caller: Any, ids: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a path with an unused id in place of each that lies in another facility."""
    within = getattr(caller, "facility_id", None)
    if within is None:
        return ids
    return {
        name: own_id(value, facility_of=_facility_of[name], within=within) if name in _facility_of else value
        for name, value in ids.items()
    }
