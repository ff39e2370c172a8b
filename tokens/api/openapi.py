"""The OpenAPI descriptions of slots, tokens, waiting lists and events."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view

from core.api.openapi import CONDITIONAL, NOT_MODIFIED, problems
from tokens.api import explain, messages, results, serializers
from tokens.api.examples import DOCTOR_ID, PATIENT_ID, ROOM_ID, SLOT_ID


def _example(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, request_only=True, value=value)


_PLAN = _example(
    "A morning hour",
    {
        "doctor": DOCTOR_ID,
        "start_time": "2026-03-02T09:00:00+05:30",
        "end_time": "2026-03-02T10:00:00+05:30",
        "max_capacity": 6,
    },
)
_CHANGE = (
    "slot-overlap", "capacity-in-use", "in-use", "doctor-inactive", "invalid-transition", "version-conflict",
)  # fmt: skip
_REGISTER, _BOOK, _CALL, _DELAY = ["Register"], ["Book"], ["Call"], ["Delay"]

slot_list = extend_schema_view(
    get=extend_schema(
        tags=_BOOK,
        operation_id="slots_list",
        summary="List slots",
        parameters=[serializers.SlotFilters, *CONDITIONAL],
        responses={200: messages.SlotMessage(many=True), 304: NOT_MODIFIED},
    ),
    post=extend_schema(
        tags=_REGISTER,
        operation_id="slots_create",
        summary="Plan a slot",
        description="A new slot inherits the delay of its day.",
        request=serializers.SlotRequest,
        responses={201: messages.SlotMessage, **problems("slot-overlap", "doctor-inactive")},
        examples=[_PLAN],
    ),
)
slot_detail = extend_schema_view(
    get=extend_schema(
        tags=_BOOK,
        operation_id="slots_read",
        summary="Read a slot",
        description=(
            "The ETag is its version: send it back as If-Match with a change or an action to change only what you have "
            "seen."
        ),
        responses={200: messages.SlotMessage},
    ),
    put=extend_schema(
        tags=_REGISTER,
        operation_id="slots_replace",
        summary="Change a slot's plan",
        description="What was read can be sent back: the read-only fields are ignored.",
        request=serializers.SlotRequest,
        responses={
            200: messages.SlotMessage,
            **problems(*_CHANGE),
        },
        examples=[_PLAN],
    ),
    patch=extend_schema(
        tags=_REGISTER,
        operation_id="slots_change",
        summary="Change some of a slot's plan",
        description="More seats are given to the waiting list at once.",
        request=serializers.SlotRequest(partial=True),
        responses={
            200: messages.SlotMessage,
            **problems(*_CHANGE),
        },
        examples=[_example("Two more seats", {"max_capacity": 8})],
    ),
    delete=extend_schema(
        tags=_REGISTER,
        operation_id="slots_delete",
        summary="Remove a slot that no token refers to",
        request=None,
        responses={204: None, **problems("in-use", "version-conflict")},
    ),
)
slot_bulk = extend_schema_view(
    post=extend_schema(
        tags=_REGISTER,
        operation_id="slots_bulk_create",
        summary="Lay out a timetable as slots",
        description=(
            "Whole slots only; those that overlap a slot of the doctor are skipped; at most 5,000 at once, within 366 "
            "days. Hours whose `end_time` is 00:00 or before `start_time` end on the next day; a slot belongs to the "
            "local day it starts."
        ),
        request=serializers.BulkSlotsRequest,
        responses={201: results.BulkResultMessage, **problems("slot-overlap", "doctor-inactive")},
        examples=[
            _example(
                "Four weeks of mornings",
                {
                    "doctor_id": DOCTOR_ID,
                    "start_date": "2026-03-02",
                    "end_date": "2026-03-27",
                    "start_time": "09:00",
                    "end_time": "13:00",
                    "duration_minutes": 60,
                    "max_capacity": 6,
                    "exclude_weekends": True,
                },
            ),
            _example(
                "Every second Friday night",
                {
                    "doctor_id": DOCTOR_ID,
                    "start_date": "2026-03-06",
                    "end_date": "2026-06-26",
                    "start_time": "21:00",
                    "end_time": "06:00",
                    "duration_minutes": 540,
                    "max_capacity": 20,
                    "weekdays": [5],
                    "week_interval": 2,
                },
            ),
        ],
    )
)
slot_delay = extend_schema_view(
    put=extend_schema(
        tags=_DELAY,
        operation_id="slots_delay",
        summary="Delay a slot",
        description="Sets the doctor's own delay of this slot; it cascades through the day.",
        parameters=[serializers.DryRunFilters],
        request=serializers.DelayRequest,
        responses={200: results.DelayResultMessage, **problems("slot-not-open", "version-conflict")},
        examples=[_example("Half an hour", {"delay_minutes": 30})],
    )
)
slot_cancel = extend_schema_view(
    post=extend_schema(
        tags=_DELAY,
        operation_id="slots_cancel",
        summary="Cancel a slot, its tokens and its waiting list",
        parameters=[serializers.DryRunFilters],
        request=serializers.CancelSlotRequest,
        responses={200: results.SlotCancellationMessage, **problems("invalid-transition", "version-conflict")},
        examples=[_example("Called to theatre", {"reason": "Emergency surgery"})],
    )
)
slot_cancel_range = extend_schema_view(
    post=extend_schema(
        tags=_DELAY,
        operation_id="slots_cancel_range",
        summary="Cancel a range of a doctor's slots, all of them or none",
        description=(
            "The slots that start at `from` or later and before `to`; a date stands for its whole local day, so that "
            "`to` includes it. Slots that are cancelled already, or over with an empty queue, do not change."
        ),
        parameters=[serializers.DryRunFilters],
        request=serializers.CancelSlotsRequest,
        responses={200: results.SlotsCancellationMessage},
        examples=[
            _example(
                "A week's leave", {"doctor": DOCTOR_ID, "from": "2026-03-02", "to": "2026-03-07", "reason": "On leave"}
            ),
            _example(
                "An afternoon",
                {"doctor": DOCTOR_ID, "from": "2026-03-02T13:00:00+05:30", "to": "2026-03-02T18:00:00+05:30"},
            ),
        ],
    )
)
slot_close = extend_schema_view(
    post=extend_schema(
        tags=_DELAY,
        operation_id="slots_close",
        summary="Close for bookings",
        description="The queue goes on; the waiting list ends.",
        request=serializers.NothingRequest,
        responses={200: messages.SlotMessage, **problems("invalid-transition", "version-conflict")},
    )
)
slot_call_next = extend_schema_view(
    post=extend_schema(
        tags=_CALL,
        operation_id="slots_call_next",
        summary="Call the next patient who is here",
        description="A slot with several rooms needs `room`; the only room of a slot is taken without being named.",
        request=serializers.CallNextRequest,
        responses={200: messages.TokenMessage, **problems("queue-empty", "slot-paused", "version-conflict")},
        examples=[
            _example("And complete the one in the room", {"complete_current": True}),
            _example("To one of two rooms", {"room": ROOM_ID}),
        ],
    )
)
slot_tokens = extend_schema_view(
    get=extend_schema(
        tags=_CALL,
        operation_id="slots_tokens",
        summary="The queue of a slot in order, then its other tokens by ticket",
        description=(
            "Send the ETag back as If-None-Match: the answer is 304 while your copy is current. An answer includes "
            "every acknowledged change. While the estimates move with the clock, it changes every second. Not with "
            "`as_of`."
        ),
        parameters=[serializers.QueueFilters, *CONDITIONAL],
        responses={200: messages.TokenMessage(many=True), 304: NOT_MODIFIED},
        filters=False,
    )
)
token_list = extend_schema_view(
    get=extend_schema(
        tags=_BOOK,
        operation_id="tokens_list",
        summary="List tokens",
        parameters=[serializers.TokenFilters],
        responses={200: messages.TokenMessage(many=True)},
    ),
    post=extend_schema(
        tags=_BOOK,
        operation_id="tokens_book",
        summary="Book a seat, or a place on the waiting list of a full slot",
        request=serializers.BookingBody,
        responses={
            201: messages.TokenMessage,
            202: results.WaitlistedMessage,
            **problems("slot-full", "duplicate-booking", "slot-not-open", "doctor-inactive", "patient-inactive"),
        },
        examples=[
            _example(
                "A walk-in", {"slot_id": SLOT_ID, "patient_id": PATIENT_ID, "category": "WALKIN", "arrived": True}
            ),
            _example(
                "Hold while paying", {"slot_id": SLOT_ID, "patient_id": PATIENT_ID, "category": "ONLINE", "hold": True}
            ),
        ],
    ),
)
token_detail = extend_schema_view(
    get=extend_schema(
        tags=_BOOK, operation_id="tokens_read", summary="Read a token", responses={200: messages.TokenMessage}
    ),
    delete=extend_schema(
        tags=_BOOK,
        operation_id="tokens_cancel",
        summary="Cancel a token",
        description="The seat goes to the waiting list at once.",
        parameters=[serializers.BufferFilters],
        request=None,
        responses={200: results.CancellationMessage, **problems("invalid-transition")},
    ),
)
token_move = extend_schema_view(
    post=extend_schema(
        tags=_BOOK,
        operation_id="tokens_move",
        summary="Move a token to another slot",
        description=(
            "Takes the new seat and frees the old one, or changes nothing. On the same local day the token keeps its "
            "ticket, status, priority and time of request; on another day it gets a new ticket, is CONFIRMED, and its "
            "priority is computed anew. Patients move their own CONFIRMED tokens."
        ),
        request=serializers.MoveRequest,
        responses={
            200: results.MoveResultMessage,
            **problems("slot-full", "duplicate-booking", "slot-not-open", "doctor-inactive", "invalid-transition"),
        },
        examples=[_example("To the other doctor", serializers.MoveRequest.Meta.example)],
    )
)
token_emergency = extend_schema_view(
    post=extend_schema(
        tags=["Emergency"],
        operation_id="tokens_emergency",
        summary="Admit an emergency",
        description="Always gets a seat. 200 when the patient's own token in this slot became the emergency.",
        request=serializers.EmergencyRequest,
        responses={
            200: results.AdmissionMessage,
            201: results.AdmissionMessage,
            **problems("duplicate-booking", "slot-not-open"),
        },
        examples=[
            _example(
                "Chest pain",
                {"slot_id": SLOT_ID, "patient_id": PATIENT_ID, "acuity": 2, "reason": "Chest pain, stable"},
            )
        ],
    )
)
token_explain = extend_schema_view(
    get=extend_schema(
        tags=_CALL,
        operation_id="tokens_explain",
        summary="Explain a position",
        responses={200: explain.ExplanationMessage},
    )
)
waiting_list = extend_schema_view(
    get=extend_schema(
        tags=["Waiting list"],
        operation_id="waiting_list",
        summary="List the entries",
        parameters=[serializers.WaitingListFilters],
        responses={200: messages.WaitingListEntryMessage(many=True)},
    )
)
waiting_list_by_slot = extend_schema_view(
    get=extend_schema(
        tags=["Waiting list"],
        operation_id="waiting_list_by_slot",
        summary="The waiting list of one slot, in order",
        parameters=[serializers.BySlotFilters],
        responses={200: messages.WaitingListEntryMessage(many=True)},
        filters=False,
    )
)
waiting_list_entry = extend_schema_view(
    delete=extend_schema(
        tags=["Waiting list"],
        operation_id="waiting_list_withdraw",
        summary="Take an entry off the waiting list",
        request=None,
        responses={204: None, **problems("invalid-transition")},
    )
)
waiting_list_seat = extend_schema_view(
    post=extend_schema(
        tags=["Waiting list"],
        operation_id="waiting_list_seat",
        summary="Give a kept seat to an entry out of order",
        description="The seat that a cancellation with `buffer` keeps. The event of the promotion says `out_of_order`.",
        request=serializers.SeatRequest,
        responses={
            200: messages.WaitingListEntryMessage,
            **problems(
                "slot-full", "slot-not-open", "duplicate-booking", "doctor-inactive", "patient-inactive",
                "invalid-transition",
            ),
        },
        examples=[_example("A long journey", serializers.SeatRequest.Meta.example)],
    )
)  # fmt: skip
event_list = extend_schema_view(
    get=extend_schema(
        tags=["Report"],
        operation_id="events_list",
        summary="Follow the engine's log",
        description="Oldest first. Poll with `after` set to the last id you have: no event is skipped or repeated.",
        parameters=[serializers.EventFilters],
        responses={200: messages.EventMessage(many=True)},
    )
)


def action(tag: str, summary: str, *codes: str) -> Callable[[Any], Any]:
    """Describe a POST of the view's `body_class` on one token; `codes` are its problems besides invalid-transition."""

    def described(view: Any) -> Any:
        verb = view.act.__name__
        example = getattr(getattr(view.body_class, "Meta", None), "example", None)
        return extend_schema_view(
            post=extend_schema(
                tags=[tag],
                operation_id=f"tokens_{verb}",
                summary=summary,
                request=view.body_class,
                responses={200: messages.TokenMessage, **problems("invalid-transition", *codes)},
                examples=[_example(summary, example)] if example else None,
            )
        )(view)

    return described
