"""Authentication by `Authorization: Bearer <access token>` or `Authorization: Api-Key <key>`."""

import uuid
from functools import partial
from operator import itemgetter
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError

from accounts.access.principal import Principal
from accounts.access.roles import Role
from accounts.audit.security_log import log_event
from accounts.auth.api_keys import authenticate_key
from accounts.auth.jwt import Claims, claims_of
from accounts.models import User
from core.api.client_address import client_address
from core.api.request import ApiRequest
from core.db.shared_reads import Lookup, Row, Wanted, read
from core.db.sql import Statement

_USER_COLUMNS = [
    "id",
    "username",
    "email",
    "role",
    "facility_id",
    "is_superuser",
    "doctor_id",
    "session_version",
    "is_active",
    "created_at",
]
# Plain SQL, because it runs in every request: the ORM takes longer to build the query than PostgreSQL to run it.
# Fields that are not selected (the password) are deferred.
_SESSION_QUERY = f"""
SELECT {", ".join(f"u.{column}" for column in _USER_COLUMNS)},
    CASE WHEN u.role = 'PATIENT' THEN ARRAY(SELECT patient_id FROM accounts_user_patients WHERE user_id = u.id) END,
    s.second_factor, s.created_at, s.id
FROM accounts_user u JOIN accounts_session s ON s.user_id = u.id
WHERE s.id = ANY(%s) AND u.is_active AND s.ended_at IS NULL
"""  # the column names are constants


class KeyHolder:
    """The value of `request.user` for a hospital system: authenticated, but without a row in the table of users."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __init__(self, key_id: uuid.UUID) -> None:
        self.pk = self.id = key_id

    def __str__(self) -> str:
        return f"key:{self.id}"


def _credentials(request: HttpRequest | ApiRequest, scheme: str) -> str | None:
    """Return the credentials after the scheme in the header; None without a header or with another scheme."""
    words = request.META.get("HTTP_AUTHORIZATION", "").split(" ")
    if words[0].lower() != scheme.lower():
        return None
    if len(words) != 2 or not words[1] or len(words[1]) > 4096 or not words[1].isascii():
        raise AuthenticationFailed("The Authorization header is malformed.")
    return words[1]


SESSIONS = Lookup(queries=lambda ids: [Statement(_SESSION_QUERY, (ids,))], key_of=itemgetter(-1))
"""The row of a session that has not ended and its active user, by the id of the session."""


def _read_first(request: Any, caller: Wanted) -> Row | None:
    """Return the row of the caller, read together with what the endpoint reads first (`request.rows`)."""
    others = request.first_reads()
    row, *rows = read(caller, *others)
    request.rows = dict(zip(others, rows, strict=True))
    return row


def _caller_of(claims: Claims, found: Row | None) -> tuple[User, Principal] | None:
    """Return the user and principal of a token; None if the session ended or the session version changed."""
    if found is None:
        return None
    *columns, patient_ids, second_factor, signed_in_at, _ = found
    user_id, _, _, role, facility_id, is_superuser, doctor_id, session_version, *_ = columns
    if (user_id, session_version) != (claims.user_id, claims.session_version):
        return None
    principal = Principal(
        kind="user",
        id=user_id,
        role=Role(role),
        doctor_id=doctor_id if role == Role.DOCTOR else None,
        own_facility_id=facility_id,
        is_superuser=is_superuser,
        second_factor=second_factor,
        signed_in_at=signed_in_at,
        own_patients=frozenset(patient_ids or ()),
    )
    # Most requests use only the principal, so the User instance is created on first access.
    user = SimpleLazyObject(partial(User.from_db, connection.alias, _USER_COLUMNS, columns))
    return user, principal  # type: ignore[return-value]


def claims_in(request: HttpRequest | ApiRequest) -> Claims | None:
    """Return the claims of the request's access token, None without one; raise AuthenticationFailed if invalid."""
    raw = _credentials(request, "Bearer")
    if raw is None:
        return None
    try:
        return claims_of(raw)
    except TokenError as error:
        raise AuthenticationFailed("The access token is not valid or has expired.") from error


class JWTAuthentication(BaseAuthentication):
    """Authenticate users by access token. One indexed query per request checks the user, the role and the session."""

    def authenticate(self, request: Any) -> tuple[User, Principal] | None:
        """Return the user and principal; raise AuthenticationFailed (401) if token, session or user is invalid."""
        claims = claims_in(request)
        if claims is None:
            return None
        found = _caller_of(claims, _read_first(request, (SESSIONS, claims.session_id)))
        if found is None:
            log_event("ended_session_refused", user=claims.user_id, session=claims.session_id)
            raise AuthenticationFailed("This session has ended.")
        return found

    def authenticate_header(self, request: Any) -> str:
        """Return the value of WWW-Authenticate in a 401 response."""
        return 'Bearer realm="api"'


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticate hospital systems by API key; the event log names the key."""

    def authenticate(self, request: Any) -> tuple[KeyHolder, Principal] | None:
        """Return the key holder and principal; raise AuthenticationFailed (401) if the key is not accepted."""
        text = _credentials(request, "Api-Key")
        if text is None:
            return None
        key = authenticate_key(text=text, address=client_address(request), find=partial(_read_first, request))
        if key is None:
            raise AuthenticationFailed("The API key is not valid, or not allowed from this address.")
        return KeyHolder(key.pk), Principal.of_key(key)

    def authenticate_header(self, request: Any) -> str:
        """Return the value of WWW-Authenticate in a 401 response."""
        return 'Api-Key realm="api"'
