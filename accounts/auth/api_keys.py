"""API keys of hospital systems: creation, authentication and revocation."""

import hashlib
import hmac
import ipaddress
import json
import secrets
import string
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from operator import itemgetter

from django.db import connection
from django.db.models import Q

from accounts.audit.security_log import log_event
from accounts.models import ApiKey, first_facility_id
from core import clock
from core.db.shared_reads import Lookup, Row, Wanted, read
from core.db.sql import Statement

_LAST_USED_PRECISION = timedelta(minutes=1)
_PREFIX_LENGTH = 10
_COLUMNS = ["id", "facility_id", "secret_sha256", "scopes", "allowed_networks", "expires_at", "last_used_at"]
# Plain SQL, like the session query: it runs in every request of a hospital system.
_ACTIVE_KEYS_QUERY = f"""
SELECT {", ".join(_COLUMNS)}, prefix FROM accounts_apikey WHERE prefix = ANY(%s) AND revoked_at IS NULL
"""  # the column names are constants
ACTIVE_KEYS = Lookup(queries=lambda prefixes: [Statement(_ACTIVE_KEYS_QUERY, (prefixes,))], key_of=itemgetter(-1))
"""The row of a key that is not revoked, by its prefix."""
_PREFIX_CHARACTERS = string.ascii_lowercase + string.digits


def make_key(
    *,
    name: str,
    scopes: Iterable[str],
    facility_id: uuid.UUID | None = None,
    created_by_id: uuid.UUID | None = None,
    expires_at: datetime | None = None,
    allowed_networks: Iterable[str] = (),
) -> tuple[ApiKey, str]:
    """Create a key of a facility, by default of the first one.

    Return its row and its text, which is shown once and not stored.
    """
    prefix = "".join(secrets.choice(_PREFIX_CHARACTERS) for _ in range(_PREFIX_LENGTH))
    secret = secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        facility_id=facility_id or first_facility_id(),
        name=name,
        prefix=prefix,
        secret_sha256=_hash(secret),
        scopes=list(dict.fromkeys(scopes)),
        created_by_id=created_by_id,
        expires_at=expires_at,
        allowed_networks=[str(ipaddress.ip_network(each)) for each in allowed_networks],
    )
    log_event("api_key_made", key=key.pk, by=created_by_id or "shell")
    return key, f"opd_{prefix}_{secret}"


def authenticate_key(
    *, text: str, address: str, find: Callable[[Wanted], Row | None] = lambda wanted: read(wanted)[0]
) -> ApiKey | None:
    """Return the active key with this text if it may be used from this address; otherwise None.

    `find` returns the row of the key.
    """
    head, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    if head != "opd" or len(prefix) != _PREFIX_LENGTH or not prefix.isascii() or not prefix.isalnum():
        return None
    key = _key_of(find((ACTIVE_KEYS, prefix)))
    if not hmac.compare_digest(_hash(secret), bytes(key.secret_sha256) if key else b"\0" * 32) or key is None:
        return None
    now = clock.now()
    if (key.expires_at is not None and key.expires_at <= now) or not _is_allowed_from(address, key.allowed_networks):
        log_event("api_key_refused", key=key.pk)
        return None
    _update_last_used(key, now)
    return key


def revoke_key(*, key_id: uuid.UUID) -> bool:
    """Revoke a key permanently; return False if no active key has this id."""
    revoked = ApiKey.objects.filter(pk=key_id, revoked_at=None).update(revoked_at=clock.now())
    if revoked:
        log_event("api_key_revoked", key=key_id)
    return bool(revoked)


def _key_of(row: Row | None) -> ApiKey | None:
    if row is None:
        return None
    values = dict(zip(_COLUMNS, row, strict=False))
    for name in ("scopes", "allowed_networks"):
        values[name] = json.loads(values[name])
    return ApiKey.from_db(connection.alias, _COLUMNS, [values[name] for name in _COLUMNS])


def _update_last_used(key: ApiKey, now: datetime) -> None:
    threshold = now - _LAST_USED_PRECISION
    if key.last_used_at is None or key.last_used_at <= threshold:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=threshold)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def _is_allowed_from(address: str, networks: list[str]) -> bool:
    if not networks:
        return True
    try:
        client = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(client, ipaddress.IPv6Address) and client.ipv4_mapped:
        client = client.ipv4_mapped
    return any(client in ipaddress.ip_network(network) for network in networks)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
