"""What a desk can do in the express lane: the routes, and what of a request is plain enough for each.

A reader makes the work of a request, or None of one whose body is not plain: the ordinary lane has words for that.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from accounts.auth.authentication import Caller
from core.api.commands import Answer, Work
from core.api.converters import IdConverter
from tokens.api import actions
from tokens.api.serializers import BOOKABLE
from tokens.api.slots import called_answer
from tokens.api.tokens import admitted_answer, booked_answer, cancelled_answer, service
from tokens.policy.priority import Category
from tokens.services import BookingRequest

PATH = re.compile(rf"/(api/v1/)(token|slot)(s/)(?:({IdConverter.regex})/)?([a-z_]+/)?")
FLAGS = {"hold": False, "arrived": False, "join_waiting_list": True}
NEEDED = {"slot_id", "patient_id", "category"}
KNOWN = NEEDED | FLAGS.keys()


@dataclass(frozen=True, slots=True)
class Plain:
    """A request as it came: its JSON (`{}` if it has no body), the id in its path if one is there, and who sent it."""

    body: Any
    row_id: Any
    caller: Caller

    @property
    def actor(self) -> str:
        """The caller's name in the event log."""
        return self.caller.actor


@dataclass(frozen=True, slots=True)
class Act:
    """What a desk can do in this lane: the work that is read out of a plain request, and how its result is told.

    `in_crowd`: those who do it at the same time are served together, and so are their sessions looked up.
    """

    capability: str
    read: Callable[[Plain], Work | None]
    render: Callable[[Any], Answer]
    in_crowd: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The act that a request asks for, its route as Django writes it, and the id in its path."""

    act: Act
    route: str
    row_id: UUID | None


def find(method: str, path: str) -> Found | None:
    """The act of a method and a path, if there is one."""
    match = PATH.fullmatch(path)
    if match is None:
        return None
    prefix, kind, many, row_id, rest = match.groups()
    route = f"{prefix}{kind}{many}" + (f"<id:{kind}_id>/" if row_id else "") + (rest or "")
    act = ACTS.get((method, route))
    return None if act is None else Found(act, route, UUID(row_id) if row_id else None)


def _booking(asked: Plain) -> Work | None:
    """The booking of somebody who may book for everybody."""
    body = asked.body
    if type(body) is not dict or not NEEDED <= body.keys() <= KNOWN or body["category"] not in BOOKABLE:
        return None
    flags = {name: body.get(name, default) for name, default in FLAGS.items()}
    if any(type(flag) is not bool for flag in flags.values()) or (flags["hold"] and flags["arrived"]):
        return None
    slot_id, patient_id = _id_of(body["slot_id"]), _id_of(body["patient_id"])
    if slot_id is None or patient_id is None:
        return None
    booking = BookingRequest(patient_id=patient_id, category=Category(body["category"]), desk=True, **flags)
    return partial(service.book, slot_id=slot_id, request=booking, actor=asked.actor, caller=asked.caller)


def _emergency(asked: Plain) -> Work | None:
    body = asked.body
    if type(body) is not dict or body.keys() != {"slot_id", "patient_id"}:
        return None
    slot_id, patient_id = _id_of(body["slot_id"]), _id_of(body["patient_id"])
    if slot_id is None or patient_id is None:
        return None
    return partial(service.admit_emergency, slot_id=slot_id, patient_id=patient_id, actor=asked.actor)


def _cancellation(asked: Plain) -> Work | None:
    if asked.body != {}:
        return None
    return partial(service.cancel, token_id=asked.row_id, actor=asked.actor, caller=asked.caller)


def _next(asked: Plain) -> Work | None:
    if asked.body != {}:
        return None
    return partial(service.call_next, slot_id=asked.row_id, actor=asked.actor)


def _action(view: type[actions.TokenActionView]) -> Act:
    """An action on one token, as the view names it, with nothing in its body."""

    def read(asked: Plain) -> Work | None:
        if asked.body != {}:
            return None
        return partial(view.act, service, token_id=asked.row_id, actor=asked.actor)

    return Act(view.capability, read, actions.token_answer)


def _id_of(value: Any) -> UUID | None:
    if type(value) is not str or len(value) != len("00000000-0000-0000-0000-000000000000"):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None


TOKEN = "api/v1/tokens/<id:token_id>/"  # noqa: S105 - a route
ACTS = {
    ("POST", "api/v1/tokens/"): Act("tokens.book", _booking, booked_answer, in_crowd=True),
    ("POST", "api/v1/tokens/emergency/"): Act("tokens.emergency", _emergency, admitted_answer),
    ("POST", "api/v1/slots/<id:slot_id>/call_next/"): Act("slots.run", _next, called_answer),
    ("DELETE", TOKEN): Act("tokens.book", _cancellation, cancelled_answer, in_crowd=True),
    ("POST", f"{TOKEN}confirm/"): _action(actions.ConfirmView),
    ("POST", f"{TOKEN}check_in/"): _action(actions.CheckInView),
    ("POST", f"{TOKEN}call/"): _action(actions.CallView),
    ("POST", f"{TOKEN}start/"): _action(actions.StartView),
    ("POST", f"{TOKEN}complete/"): _action(actions.CompleteView),
    ("POST", f"{TOKEN}requeue/"): _action(actions.RequeueView),
    ("POST", f"{TOKEN}no_show/"): _action(actions.NoShowView),
    ("POST", f"{TOKEN}reinstate/"): _action(actions.ReinstateView),
}
