"""Same key, same request: the first answer again. The record lies in PostgreSQL, beside the change it belongs to.

A key is claimed in a statement of its own before the work, and completed inside the work's transaction: answer and
change are committed together or not at all. The claim is a fence: whoever loses it cannot commit.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from rest_framework.request import Request

from core import clock
from core.errors import IdempotencyInProgress, IdempotencyMismatch, NotAuthenticated, ValidationFailed
from core.ids import new_id
from core.models import IdempotencyRecord
from core.observability import metrics

LEASE = timedelta(seconds=15)
"""How long a claim keeps others out; after a crash the key is free again."""
KEPT = timedelta(hours=24)
HEADER = "Idempotency-Key"
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")
_NO_FACILITY = uuid.UUID(int=0)
"""Of callers who belong to the installation rather than to one of its facilities."""

# One statement, alone in its transaction. A row comes back when the key is new, when its holder's lease has run out
# without an answer, when the answer has outlived its day, or when this very claim is repeated after a lost connection.
_CLAIM = """
INSERT INTO core_idempotencyrecord AS kept
       (id, facility_id, actor, key, fingerprint, claim, claimed_at, status, headers, body)
VALUES (%(id)s, %(facility)s, %(actor)s, %(key)s, %(fingerprint)s, %(claim)s, %(now)s, NULL, '{}', '')
ON CONFLICT (facility_id, actor, key) DO UPDATE
   SET fingerprint = EXCLUDED.fingerprint, claim = EXCLUDED.claim, claimed_at = EXCLUDED.claimed_at,
       status = NULL, headers = '{}', body = ''
 WHERE (kept.status IS NULL AND (kept.claimed_at < %(lease_began)s OR kept.claim = EXCLUDED.claim))
    OR kept.claimed_at < %(day_began)s
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it went out the first time."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that carries a key."""

    actor: str
    key: str
    fingerprint: str
    facility_id: uuid.UUID = _NO_FACILITY


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work of a key, as long as nobody has taken it over."""

    record_id: uuid.UUID
    token: uuid.UUID
    facility_id: uuid.UUID = _NO_FACILITY

    @property
    def while_held(self) -> dict[str, Any]:
        """What finds the record until it is completed or taken over."""
        return {"facility_id": self.facility_id, "id": self.record_id, "claim": self.token, "status__isnull": True}


class ClaimLost(Exception):
    """Another run took the key over while this one was at work: this one's change must not be committed."""


def asked_of(request: Request) -> Asked | None:
    """The request's key, caller and fingerprint; None without a key, ValidationFailed for a malformed one."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _VISIBLE.fullmatch(key):
        raise ValidationFailed.of(HEADER, "invalid", "A key has 1 to 255 visible ASCII characters.")
    actor = getattr(request.auth, "actor", None)
    if actor is None:
        raise NotAuthenticated()
    facility = getattr(request.auth, "facility_id", None) or _NO_FACILITY
    return Asked(actor=actor, key=key, fingerprint=_fingerprint(request), facility_id=facility)


def _fingerprint(request: Request) -> str:
    canonical = json.dumps(request.data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    parts = [str(request.method), request.get_full_path(), canonical]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def find(asked: Asked) -> Stored | None:
    """The kept answer to this request; IdempotencyMismatch if the key was used for another one."""
    row = _row_of(asked, clock.now())
    if row is None or row.status is None:
        return None
    return _stored(row, asked)


def claim(asked: Asked, *, token: uuid.UUID) -> Claim | Stored:
    """Claim the key or give the kept answer; refused while another run holds it, or for another request's key."""
    now = clock.now()
    values: dict[str, Any] = {
        "id": new_id(),
        "facility": asked.facility_id,
        "actor": asked.actor,
        "key": asked.key,
        "fingerprint": asked.fingerprint,
        "claim": token,
        "now": now,
        "lease_began": now - LEASE,
        "day_began": now - KEPT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        claimed = cursor.fetchone()
    if claimed is not None:
        return Claim(record_id=claimed[0], token=token, facility_id=asked.facility_id)
    row = _row_of(asked, now)
    if row is None or row.status is None:
        if row is not None and row.fingerprint != asked.fingerprint:
            raise IdempotencyMismatch()
        raise IdempotencyInProgress()
    return _stored(row, asked)


def complete(held: Claim, answer: Stored) -> None:
    """Keep the answer, inside the transaction that makes the change; ClaimLost if another run has the key by now."""
    kept = IdempotencyRecord.objects.filter(**held.while_held).update(
        status=answer.status, headers=dict(answer.headers), body=answer.body
    )
    if not kept:
        raise ClaimLost


def release(held: Claim) -> None:
    """Free the key of a run that changed nothing; does nothing once the answer is kept or the claim is another's."""
    IdempotencyRecord.objects.filter(**held.while_held).delete()


def prune(now: datetime, *, batch: int = 5000) -> int:
    """Remove records older than 24 h, in batches; answers how many."""
    removed = 0
    while True:
        old = IdempotencyRecord.objects.filter(claimed_at__lt=now - KEPT).order_by("claimed_at").values("id")[:batch]
        count, _ = IdempotencyRecord.objects.filter(id__in=old).delete()
        removed += count
        if count < batch:
            return removed


def _row_of(asked: Asked, now: datetime) -> IdempotencyRecord | None:
    return IdempotencyRecord.objects.filter(
        facility_id=asked.facility_id, actor=asked.actor, key=asked.key, claimed_at__gte=now - KEPT
    ).first()


def _stored(row: IdempotencyRecord, asked: Asked) -> Stored:
    if row.fingerprint != asked.fingerprint:
        raise IdempotencyMismatch()
    metrics.replays.inc()
    return Stored(status=row.status or 200, body=bytes(row.body), headers=row.headers)
