"""tokens/: booking, emergencies, cancelling, and explaining a position."""

from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from rest_framework.exceptions import Throttled

from accounts.access.permission_table import Reach
from accounts.access.permissions import reach_of
from accounts.access.principal import Principal, principal_of
from accounts.access.roles import Role
from accounts.audit.read_trail import record_read
from accounts.limits.rates import PatientBookingThrottle, PrincipalThrottle
from core import clock
from core.api import idempotency
from core.api.answers import Answer
from core.api.commands import REPLAYED, write
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.api.scoped_ids import own_id
from core.api.serializers import write_time
from core.db.replica import from_replica
from core.errors import NotFound, PermissionDenied
from core.local_time import zone_info
from patients.models import Patient
from patients.services import raise_if_merged
from tokens.api import openapi
from tokens.api.duplicates import naming_existing_token
from tokens.api.explain import explain_body
from tokens.api.messages import entry_body, token_bodies, token_body
from tokens.api.results import AdmissionMessage, AffectedTokenMessage, CancellationMessage, WaitlistedMessage
from tokens.api.serializers import BookingBody, BufferFilters, EmergencyRequest, TokenFilters
from tokens.engine.locate import facility_of_slot, facility_of_token, of_slot
from tokens.models import Token
from tokens.policy.priority import Category
from tokens.queries.access import refuse_foreign_slot, refuse_hidden_token, visible_tokens
from tokens.queries.estimates import estimate_at
from tokens.queries.locked import pushed_back
from tokens.services import Admitted, BookingRequest, Cancelled, TokenAllocationService
from waitlist.models import WaitlistEntry

service = TokenAllocationService()

OPEN_TO_PATIENTS = (Category.ONLINE, Category.FOLLOWUP)
MAX_AFFECTED = 50


def visible_or_404(request: ApiRequest, view: Any, token_id: UUID) -> Token:
    """Return the token; raise NotFound if the caller may not see it."""
    tokens = visible_tokens(principal=principal_of(request), reach=reach_of(request, view))
    token = tokens.filter(facility_id=facility_of_token(token_id), id=token_id).first()
    if token is None:
        raise NotFound
    return token


@openapi.token_list
class TokenListView(Endpoint):
    """The tokens, newest last; a patient is limited to ten bookings in 15 minutes."""

    capabilities = {"GET": "tokens.read", "POST": "tokens.book"}
    throttle_classes = [PrincipalThrottle]
    queryset = Token.objects.none()

    def admit(self, request: ApiRequest) -> None:
        """Raise Throttled above the patient's limit, unless the request repeats one that was answered."""
        super().admit(request)
        throttle = PatientBookingThrottle()
        if not throttle.allow_request(request, self):
            key = idempotency.key_of(request)
            if key is None or idempotency.find(key) is None:
                raise Throttled(throttle.wait())

    def finish(self, request: ApiRequest, response: HttpResponseBase) -> None:
        """Subtract the request from the patient's count if it failed or was replayed."""
        if response.status_code >= HTTPStatus.BAD_REQUEST or response.has_header(REPLAYED):
            PatientBookingThrottle.refund(request)

    @from_replica
    def get(self, request: ApiRequest) -> Answer:
        tokens = visible_tokens(principal=principal_of(request), reach=reach_of(request, self))
        page = self.paginate_queryset(_filtered(tokens, TokenFilters.read(request)).order_by("id"))
        tokens_shown = token_bodies(page or [], now=clock.now())
        record_read(request, [token.patient_id for token in page or []], what="tokens.read")
        return self.get_paginated_response(tokens_shown)

    def post(self, request: ApiRequest) -> Answer:
        body, principal = BookingBody.read_body(request.data), principal_of(request)
        body["category"] = Category(body["category"])
        body["slot_id"] = own_id(body["slot_id"], facility_of=facility_of_slot, within=principal.facility_id)
        booking = BookingRequest(**body, actor=principal.actor, desk=principal.is_desk)
        _check_may_book(principal, reach_of(request, self), booking)
        with naming_existing_token(principal, slot_id=booking.slot_id, patient_id=booking.patient_id):
            return write(request, partial(service.book, booking), booked_answer, batched=True)


def _check_may_book(principal: Principal, reach: Reach, booking: BookingRequest) -> None:
    if reach is not Reach.ALL:
        if booking.patient_id not in principal.patient_ids:
            raise_if_merged(booking.patient_id, Patient.objects.filter(pk__in=principal.patient_ids))
            raise NotFound
        if booking.category not in OPEN_TO_PATIENTS:
            raise PermissionDenied("Patients book as ONLINE or FOLLOWUP.")
    if booking.arrived and not principal.is_desk:
        raise PermissionDenied("Only the desk books for a patient who has arrived.")


def booked_answer(result: Token | WaitlistEntry) -> Answer:
    """Return 201 with the token, or 202 with the waiting-list entry."""
    if isinstance(result, WaitlistEntry):
        entry = entry_body(result, position=result.computed_position)
        return Answer(202, WaitlistedMessage.write(None, outcome="WAITLISTED", waiting_list_entry=entry))
    return Answer(201, token_body(result, position=result.computed_position, now=clock.now()))


def _filtered(tokens: QuerySet[Token], filters: dict[str, Any]) -> QuerySet[Token]:
    if "slot" in filters:
        tokens = of_slot(tokens, slot_id=filters.pop("slot"))
    lookups = {
        "patient": "patient_id",
        "doctor": "doctor_id",
        "date": "local_date",
        "status": "status__in",
        "category": "category__in",
    }
    return tokens.filter(**{lookups[name]: value for name, value in filters.items()})


@openapi.token_detail
class TokenView(Endpoint):
    """One token."""

    capabilities = {"GET": "tokens.read", "DELETE": "tokens.book"}

    def get(self, request: ApiRequest, token_id: UUID) -> Answer:
        token = visible_or_404(request, self, token_id)
        record_read(request, [token.patient_id], what="tokens.read")
        return Answer(200, token_bodies([token], now=clock.now())[0])

    def delete(self, request: ApiRequest, token_id: UUID) -> Answer:
        keep_seat = BufferFilters.read(request).get("buffer", False)
        principal = principal_of(request)
        refuse_hidden_token(token_id=token_id, principal=principal, reach=reach_of(request, self))
        if keep_seat and not principal.is_desk:
            visible_or_404(request, self, token_id)
            raise PermissionDenied("Only the desk keeps a seat.")
        work = partial(service.cancel, token_id=token_id, keep_seat=keep_seat, actor=principal.actor)
        return write(request, work, cancelled_answer, batched=True)


def cancelled_answer(result: Cancelled) -> Answer:
    """Return the cancelled token and the promoted ones."""
    token = result.token
    message = "Token cancelled."
    if token.status == "BUFFER":
        message = "Token cancelled; the seat is kept for the desk for a short while."
    elif result.promoted:
        message = f"Token cancelled; {len(result.promoted)} promoted from the waiting list."
    promoted = [str(one.id) for one in result.promoted]
    body = token_body(token, position=None, now=clock.now())
    return Answer(200, CancellationMessage.write(None, message=message, token=body, promoted=promoted))


@openapi.token_emergency
class EmergencyView(Endpoint):
    """Admission of an emergency."""

    capability = "tokens.emergency"

    def post(self, request: ApiRequest) -> Answer:
        body = EmergencyRequest.read_body(request.data)
        principal = principal_of(request)
        body["slot_id"] = slot_id = own_id(body["slot_id"], facility_of=facility_of_slot, within=principal.facility_id)
        refuse_foreign_slot(slot_id=slot_id, principal=principal, reach=reach_of(request, self))
        with naming_existing_token(principal, slot_id=slot_id, patient_id=body["patient_id"]):
            return write(request, partial(service.admit_emergency, **body, actor=principal.actor), admitted_answer)


def admitted_answer(result: Admitted) -> Answer:
    """Return the emergency and the first MAX_AFFECTED tokens that it pushed back."""
    now = clock.now()
    admission, slot = result.admission, result.slot
    token = admission.token
    token.slot = slot
    position = token.computed_position or 1
    last_pushed = admission.previous_position or slot.queue_length
    count = max(0, last_pushed - position)
    affected = pushed_back(slot=slot, after=position, count=min(count, MAX_AFFECTED))
    zone = zone_info(slot.facility.time_zone)
    body = AdmissionMessage.write(
        None,
        token=token_body(token, position=position, now=now),
        affected_tokens=[
            AffectedTokenMessage.write(
                None,
                id=str(token_id),
                ticket=ticket,
                token_number=place,
                estimated_time=write_time(estimate_at(slot=slot, position=place, now=now), zone),
            )
            for place, (token_id, ticket) in enumerate(affected, start=position + 1)
        ],
        affected_count=count,
        message=f"Emergency admitted at position {position}; moved back by one: {count}.",
    )
    return Answer(201 if admission.is_new else 200, body)


@openapi.token_explain
class ExplainView(Endpoint):
    """The explanation of a position."""

    capability = "tokens.read"

    def get(self, request: ApiRequest, token_id: UUID) -> Answer:
        names_staff = principal_of(request).role != Role.PATIENT
        return Answer(200, explain_body(visible_or_404(request, self, token_id), names_staff=names_staff))
