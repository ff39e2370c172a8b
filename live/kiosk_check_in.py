"""Check-in at a kiosk, by tracking link or by ticket and the last digits of the telephone number.

A kiosk must not reveal who is a patient: an unknown ticket, wrong digits, another day and a cancelled token all get
SEE_DESK, after the same statements. Five of them within 5 minutes lock the kiosk for 5 minutes. The row of the kiosk is
locked while an attempt is verified, so that parallel attempts cannot exceed the limit.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from accounts.audit.security_log import log_event
from accounts.limits.attempts import Limit
from core import clock
from core.api.commands import Reply
from core.db.transactions import atomic
from core.local_time import local_day
from live.links import expiry
from live.models import Kiosk, Link
from live.rooms import joined_names, room_names
from live.secrets import LENGTH, hash_of
from live.tracking import check_in_opens
from tokens.errors import InvalidTransition
from tokens.models import Token
from tokens.policy.lifecycle import Status
from tokens.queries.access import SLOT_OF_ITS_FACILITY
from tokens.queries.queue import position_of
from tokens.services import TokenAllocationService

MAX_FAILURES = 5
WINDOW = timedelta(minutes=5)
ARRIVED, ALREADY, EARLY, SEE_DESK = "ARRIVED", "ALREADY", "EARLY", "SEE_DESK"
OUTCOMES = [ARRIVED, ALREADY, EARLY, SEE_DESK]
_HERE = frozenset({Status.CHECKED_IN, Status.CALLED, Status.IN_CONSULTATION, Status.STEPPED_OUT})
_CODE = re.compile(rf"(?:\A|/)([A-Za-z0-9_-]{{{LENGTH}}})/?\Z")
_NO_DIGITS = "????"
# At all kiosks together; a right answer clears the count.
_GUESSES_OF_TICKET = Limit("kiosk-ticket", 10, timedelta(hours=12))

service = TokenAllocationService()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a patient gave to the kiosk: `scan`, or `ticket` and the last four digits of the telephone number."""

    scan: str | None = None
    ticket: str | None = None
    phone_last4: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the kiosk answers; with SEE_DESK, the outcome alone."""

    outcome: str
    ticket: str | None = None
    ahead: int | None = None
    room_name: str | None = None


def check_in(kiosk_id: UUID, attempt: Attempt, *, actor: str, reply: Reply) -> Any:
    """Check the patient in; return the answer to the request."""
    token, outcome = _verify(kiosk_id, attempt)
    if token is None or outcome is not None:
        return reply.store(_outcome(outcome or SEE_DESK, token), changed=False)
    try:
        return service.check_in(token_id=token.id, actor=actor, reply=reply)
    except InvalidTransition as refusal:
        # Another request has changed the token since it was verified: a second scan, or a cancellation.
        again = ALREADY if refusal.facts["current_status"] in _HERE else SEE_DESK
        return reply.store(_outcome(again, token), changed=False)


def arrived(result: Token | Outcome) -> Outcome:
    """Return the outcome for the result of `check_in`: a token that was checked in, or an outcome."""
    return result if isinstance(result, Outcome) else _outcome(ARRIVED, result)


def locked_kiosk(kiosk_id: UUID) -> Kiosk:
    """Return the kiosk, its row locked until the transaction ends."""
    return Kiosk.objects.select_for_update(of=("self",)).select_related("facility").get(pk=kiosk_id)


def _verify(kiosk_id: UUID, attempt: Attempt) -> tuple[Token | None, str | None]:
    """Return the token of the attempt and its outcome, None if the token is to be checked in; count a failure.

    Every failure takes the same statements, whatever its reason.
    """
    with atomic(durable=True):
        kiosk = locked_kiosk(kiosk_id)
        now = clock.now()
        token = _token_of(kiosk, attempt, now)
        outcome = SEE_DESK if token is None else _outcome_of(token, now)
        is_locked = kiosk.locked_until is not None and now < kiosk.locked_until
        if is_locked:
            token, outcome = None, SEE_DESK
        elif outcome == SEE_DESK:
            kiosk.failures = [*(each for each in kiosk.failures if each > now - WINDOW), now]
            if len(kiosk.failures) >= MAX_FAILURES:
                kiosk.failures, kiosk.locked_until = [], now + WINDOW
                log_event("kiosk_locked", device=kiosk.pk)
        elif attempt.ticket is not None and token is not None:
            _GUESSES_OF_TICKET.clear(str(kiosk.facility_id), token.ticket)
        kiosk.last_seen = now
        kiosk.save(update_fields=["failures", "locked_until", "last_seen"])
        return (None if outcome == SEE_DESK else token), outcome


def _token_of(kiosk: Kiosk, attempt: Attempt, now: datetime) -> Token | None:
    if attempt.scan is not None:
        return _scanned(kiosk, attempt.scan, now)
    ticket = (attempt.ticket or "").strip().upper()
    may_guess = _GUESSES_OF_TICKET.count(str(kiosk.facility_id), ticket) <= _GUESSES_OF_TICKET.max_attempts
    today = local_day(now, kiosk.facility.time_zone)
    days = [today + timedelta(days=each) for each in (-1, 0, 1)]  # a slot may run past midnight
    found = [token for token in _tokens(kiosk).filter(local_date__in=days, ticket=ticket) if _is_for_now(token, now)]
    token = found[0] if found else None
    digits = token.patient.phone_key[-4:] if token is not None and len(token.patient.phone_key) >= 4 else _NO_DIGITS
    is_right = hmac.compare_digest(digits.encode(), (attempt.phone_last4 or "").encode())
    return token if is_right and may_guess else None


def _scanned(kiosk: Kiosk, scan: str, now: datetime) -> Token | None:
    match = _CODE.search(scan.strip())
    links = Link.objects.filter(code_sha256=hash_of(match[1] if match else ""), revoked_at=None)
    of_token = links.filter(facility_id=OuterRef("facility_id"), token_id=OuterRef("id"))
    token = _tokens(kiosk).filter(Exists(of_token), id__in=links.values("token_id")).first()
    if token is None or not _is_for_now(token, now) or expiry(token.local_date, kiosk.facility.time_zone) <= now:
        return None
    return token


def _tokens(kiosk: Kiosk) -> QuerySet[Token]:
    tokens = Token.objects.select_related("slot__doctor", "slot__facility", "patient")
    return tokens.filter(SLOT_OF_ITS_FACILITY, facility_id=kiosk.facility_id)


def _is_for_now(token: Token, now: datetime) -> bool:
    """Return whether the token is one of today, or of a slot around midnight that is running or about to begin."""
    if token.local_date == local_day(now, token.slot.facility.time_zone):
        return True
    return check_in_opens(token) <= now < token.slot.delayed_end


def _outcome_of(token: Token, now: datetime) -> str | None:
    if token.status in _HERE:
        return ALREADY
    if token.status != Status.CONFIRMED:
        return SEE_DESK
    return EARLY if now < check_in_opens(token) else None


def _outcome(outcome: str, token: Token | None) -> Outcome:
    """Return the outcome with what the patient may know; of a token that was read before, as it is now."""
    if token is None or outcome == SEE_DESK:
        return Outcome(SEE_DESK)
    if outcome == ALREADY:
        tokens = Token.objects.select_related("slot").filter(SLOT_OF_ITS_FACILITY)
        token = tokens.get(facility_id=token.facility_id, pk=token.pk)
    position = position_of(token=token)
    rooms = token.slot.rooms
    name = token.room_name or joined_names(rooms, room_names(facility_id=token.facility_id, room_ids=rooms))
    return Outcome(outcome, token.ticket, None if position is None else position - 1, name)
