"""The read trail, which records who read which patient's record, and the attribution of database changes."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import Any, NamedTuple

import pghistory
from django.db import IntegrityError, connection
from django.db.models import F, Q, QuerySet

from accounts.access.principal import principal_of
from accounts.models import ReadList, ReadSeal, ReadTrail, ReadTrailEnd
from core import clock
from core.batching import Combiner
from core.db.sql import Rows, Statement, send
from core.db.transactions import atomic, is_atomic
from core.observability import logs

_BATCH = 10_000
_QUEUE_SECONDS = 0.5
_SEAL_LOCK_ID = 0x4F50445345414C  # the advisory lock that allows one sealer at a time


class PatientList:
    """The patients in a list that is shown to several callers, which the read trail stores once."""

    __slots__ = ("id", "is_stored", "patient_ids")

    def __init__(self, patient_ids: Iterable[uuid.UUID | str]) -> None:
        self.patient_ids = _distinct(patient_ids)
        self.id = _digest_of(self.patient_ids)
        self.is_stored = False


class _Read(NamedTuple):
    row: ReadTrail
    shown: PatientList | None


def record_read(request: Any, patient_ids: Iterable[uuid.UUID | str], *, what: str = "patients.read") -> None:
    """Record that the caller was shown the names or records of these patients in this request.

    Write nothing for an empty list. Concurrent calls share one INSERT and one commit; inside a transaction, the row is
    written by that transaction.
    """
    if ids := _distinct(patient_ids):
        _record(request, what, ids)


def record_list_read(request: Any, shown: PatientList, *, what: str) -> None:
    """Record like `record_read` that the caller was shown this list, whose patients are stored with its first read."""
    if shown.patient_ids:
        _record(request, what, [], shown)


def reads_of(patient_id: uuid.UUID) -> QuerySet[ReadTrail]:
    """Return the reads of this patient's record, the oldest first."""
    lists = ReadList.objects.filter(patient_ids__contains=[patient_id])
    return ReadTrail.objects.filter(Q(patient_ids__contains=[patient_id]) | Q(read_list__in=lists)).order_by("id")


def _record(request: Any, what: str, patient_ids: list[str], shown: PatientList | None = None) -> None:
    row = ReadTrail(
        actor=principal_of(request).actor,
        patient_ids=patient_ids,
        read_list_id=shown.id if shown else None,
        what=what,
        request_id=_request_id(request),
        at=clock.now(),
    )
    read = _Read(row, shown)
    if is_atomic():
        _write([read])
    else:
        row_writes.submit_or_run(None, read, timeout_seconds=_QUEUE_SECONDS)


def _write(reads: Sequence[_Read]) -> list[None]:
    try:
        _insert(reads, [shown for _, shown in reads if shown and not shown.is_stored])
    except IntegrityError:  # a stored list is gone: the database was restored from an older backup
        _insert(reads, [shown for _, shown in reads if shown])
    return [None for _ in reads]


def _insert(reads: Sequence[_Read], lists: Sequence[PatientList]) -> None:
    # A crash of the database loses at most the reads of its last second; waiting for the disk would cost each reader
    # more than the rest of the request.
    fast = [] if is_atomic() else [_WITHOUT_WAITING_FOR_DISK]
    new = [
        Statement(_INSERT_LIST, (shown.id, shown.patient_ids)) for shown in {each.id: each for each in lists}.values()
    ]
    send(fast + new + _ROWS.inserting([row for row, _ in reads]))
    for shown in lists:
        shown.is_stored = not is_atomic()  # a transaction may still roll back


def _distinct(patient_ids: Iterable[uuid.UUID | str]) -> list[str]:
    return sorted(set(map(str, patient_ids)))


def _digest_of(patient_ids: Iterable[str]) -> uuid.UUID:
    return uuid.UUID(bytes=hashlib.sha256(",".join(patient_ids).encode()).digest()[:16])


_ROWS = Rows(ReadTrail)
_WITHOUT_WAITING_FOR_DISK = Statement("SET LOCAL synchronous_commit TO off", ())
_INSERT_LIST = "INSERT INTO accounts_readlist (id, patient_ids) VALUES (%s, %s::uuid[]) ON CONFLICT DO NOTHING"
row_writes: Combiner[None, _Read] = Combiner(_write)


@contextmanager
def attributed(request: Any) -> Iterator[None]:
    """Attribute the changes made in this context to the caller and the request, in the history tables."""
    with pghistory.context(actor=principal_of(request).actor, request_id=_request_id(request)):
        yield


def seal_reads() -> int:
    """Seal the unsealed rows of the read trail, at most 10,000, and return their number.

    The hash chain continues from the stored end of the trail, so that removed rows or seals leave a permanent gap.
    """
    with atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEAL_LOCK_ID])
        rows = list(ReadTrail.objects.filter(seal=None).order_by("id")[:_BATCH])
        if not rows:
            return 0
        last = ReadSeal.objects.order_by("-number").first()
        end = ReadTrailEnd.objects.first() or last
        last_hash = bytes(end.digest) if end else b""
        for row in rows:
            row.hash = last_hash = row_hash(last_hash, row)
        number = 1 + max((each.number for each in (end, last) if each), default=0)
        seal = ReadSeal.objects.create(number=number, rows=len(rows), digest=last_hash, sealed_at=clock.now())
        for row in rows:
            row.seal = seal
        ReadTrail.objects.bulk_update(rows, ["seal", "hash"], batch_size=500)
        _update_end(first=end is None, digest=last_hash)
    # Logged as well: someone who can rewrite the database cannot rewrite log lines that have left the machine.
    logs.info("read_trail_sealed", number=seal.number, rows=seal.rows, digest=seal.digest.hex())
    return len(rows)


def _update_end(*, first: bool, digest: bytes) -> None:
    """Update the stored end of the trail. A removed or changed end is not repaired, so that the check reports it."""
    if first:
        ReadTrailEnd.objects.create(number=1, digest=digest)
    else:
        ReadTrailEnd.objects.update(number=F("number") + 1, digest=digest)


def verify_read_trail() -> str | None:
    """Return what is wrong with the trail: the first row, list or seal that was altered or removed; None if nothing."""
    last_hash, expected = b"", 1
    for seal in ReadSeal.objects.order_by("number").iterator():
        if seal.number != expected:
            return f"read trail: seal {expected} is missing"
        count = 0
        for row in ReadTrail.objects.filter(seal=seal).order_by("id").iterator():
            count, last_hash = count + 1, row_hash(last_hash, row)
            if last_hash != bytes(row.hash or b""):
                return f"read trail: row {row.pk} was altered, or the one before it was removed"
        if count != seal.rows or last_hash != bytes(seal.digest):
            return f"read trail: seal {seal.number} was altered, or its last rows were removed"
        expected += 1
    for each in ReadList.objects.iterator(chunk_size=500):
        if _digest_of(map(str, each.patient_ids)) != each.id:
            return f"read trail: list {each.pk} was altered"
    return _end_problem(seals=expected - 1, last_hash=last_hash)


def _end_problem(*, seals: int, last_hash: bytes) -> str | None:
    """Return what is wrong with the end of the trail; None if the last seal matches the stored end."""
    end = ReadTrailEnd.objects.first()
    if end is None:
        return "read trail: the note of its last seal was removed" if seals else None
    if seals < end.number:
        return f"read trail: the seals after {seals} were removed ({end.number} were made)"
    if seals > end.number or last_hash != bytes(end.digest):
        return f"read trail: the note of its last seal ({end.number}) was altered"
    return None


def row_hash(last_hash: bytes, row: ReadTrail) -> bytes:
    fields = [
        str(row.pk),
        row.actor,
        [str(each) for each in row.patient_ids],
        row.what,
        row.request_id,
        row.at.astimezone(UTC).isoformat(),
    ]
    if row.read_list_id is not None:
        fields.append(str(row.read_list_id))
    return hashlib.sha256(last_hash + json.dumps(fields).encode()).digest()


def _request_id(request: Any) -> str:
    return str(getattr(request, "request_id", ""))
