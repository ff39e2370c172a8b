"""Store the answer to a request under its Idempotency-Key, and return it when the request is repeated.

The answer is stored in the transaction that makes the change: both are committed, or neither. A request with a key
first looks for a stored answer. If two requests with one key run at the same time, the unique constraint lets one of
them commit; the other is rolled back, runs again and finds the answer of the first.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import OperationalError, connection

from core import clock
from core.api.request import ApiRequest
from core.db import retry
from core.db.sql import Found, Statement, ask
from core.errors import IdempotencyInProgress, IdempotencyMismatch, NotAuthenticated, ValidationFailed
from core.ids import new_id
from core.models import IdempotencyRecord
from core.observability import metrics

RETENTION = timedelta(hours=24)
HEADER = "Idempotency-Key"
_META = "HTTP_IDEMPOTENCY_KEY"
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")
_ID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_NO_FACILITY = uuid.UUID(int=0)
"""The facility of every record: a retry is recognised even if its caller has moved to another facility meanwhile."""

_FIND = """
SELECT kept.actor, kept.key, kept.fingerprint, kept.status, kept.headers, kept.body
FROM core_idempotencyrecord AS kept
JOIN unnest(%s::text[], %s::text[]) AS given(actor, key) ON kept.actor = given.actor AND kept.key = given.key
WHERE kept.facility_id = %s AND kept.stored_at >= %s
"""
# A record older than RETENTION is replaced. No row is returned for a key under which another transaction has stored.
_STORE = """
INSERT INTO core_idempotencyrecord AS kept (id, facility_id, actor, key, fingerprint, stored_at, status, headers, body)
SELECT id, facility_id, actor, key, fingerprint, stored_at, status, headers, body
FROM json_populate_recordset(NULL::core_idempotencyrecord, %s)
ON CONFLICT (facility_id, actor, key) DO UPDATE
   SET fingerprint = EXCLUDED.fingerprint, stored_at = EXCLUDED.stored_at, status = EXCLUDED.status,
       headers = EXCLUDED.headers, body = EXCLUDED.body
 WHERE kept.stored_at < %s
RETURNING kept.key
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it was sent the first time."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a request, the caller, and a fingerprint of the request's method, path with query, and body."""

    actor: str
    key: str
    fingerprint: str
    facility_id: uuid.UUID = _NO_FACILITY


class KeyTaken(retry.LostRace):
    """Another request has stored its answer under this key in the meantime; roll back this request's change."""


def key_of(request: ApiRequest) -> Key | None:
    """Return the request's key or None.

    Raise ValidationFailed for a malformed key, NotAuthenticated for a key without a caller.
    """
    text = request.META.get(_META)
    if text is None:
        return None
    if not _VISIBLE.fullmatch(text):
        raise ValidationFailed.of(HEADER, "invalid", "A key has 1 to 255 visible ASCII characters.")
    actor = getattr(request.auth, "actor", None)
    if actor is None:
        raise NotAuthenticated()
    return Key(actor=actor, key=text, fingerprint=_fingerprint(request))


def _fingerprint(request: ApiRequest) -> str:
    canonical = json.dumps(request.data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    # An id in a path or query is the same in any letter case.
    address = _ID.sub(lambda found: found[0].lower(), request.get_full_path())
    parts = [request.method, address, canonical]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def find_query(keys: Sequence[Key]) -> Statement:
    """Return the query that finds the stored answers for keys of one facility."""
    actors, texts = [key.actor for key in keys], [key.key for key in keys]
    return Statement(_FIND, (actors, texts, keys[0].facility_id, clock.now() - RETENTION))


def stored_of(key: Key, found: Found) -> Stored | None:
    """Return the stored answer for this key among the rows of `find_query`, or None.

    Raise IdempotencyMismatch if the key was used for another request.
    """
    for actor, text, fingerprint, status, headers, body in found:
        if (actor, text) == (key.actor, key.key):
            if fingerprint != key.fingerprint:
                raise IdempotencyMismatch()
            metrics.replays.inc()
            return Stored(status=status, body=bytes(body), headers=_object(headers))
    return None


def find(key: Key) -> Stored | None:
    """Return the stored answer for this key, or None; raise IdempotencyMismatch if it was used for another request."""
    [found] = ask(find_query([key]))
    return stored_of(key, found)


def store(answers: Sequence[tuple[Key, Stored]]) -> None:
    """Store answers in the open transaction, which makes the changes.

    Wait for an open transaction that has stored an answer under one of the keys. Raise KeyTaken if an answer is stored
    under one of the keys, IdempotencyInProgress if the wait exceeds the lock timeout. The rows are inserted in order of
    the keys, so that two transactions with the same keys cannot deadlock.
    """
    now = clock.now()
    rows = [
        {
            "id": new_id(),
            "facility_id": key.facility_id,
            "actor": key.actor,
            "key": key.key,
            "fingerprint": key.fingerprint,
            "stored_at": now,
            "status": stored.status,
            "headers": dict(stored.headers),
            "body": "\\x" + stored.body.hex(),
        }
        for key, stored in sorted(answers, key=lambda each: (each[0].actor, each[0].key))
    ]
    with connection.cursor() as cursor:
        try:
            cursor.execute(_STORE, [orjson.dumps(rows).decode(), now - RETENTION])
        except OperationalError as error:
            if retry.sqlstate(error) == retry.LOCK_NOT_AVAILABLE:
                raise IdempotencyInProgress from error
            raise
        if len(cursor.fetchall()) != len(rows):
            raise KeyTaken


def prune(now: datetime, *, batch: int = 5000) -> int:
    """Delete records older than 24 h, in batches; return the number of deleted records."""
    removed = 0
    while True:
        old = IdempotencyRecord.objects.filter(stored_at__lt=now - RETENTION).order_by("stored_at").values("id")[:batch]
        count, _ = IdempotencyRecord.objects.filter(id__in=old).delete()
        removed += count
        if count < batch:
            return removed


def _object(value: Any) -> dict[str, str]:
    return orjson.loads(value) if isinstance(value, str | bytes) else dict(value)
