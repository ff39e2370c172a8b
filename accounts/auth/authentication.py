"""How a request says who it comes from: `Authorization: Bearer <access token>` or `Authorization: Api-Key <key>`."""

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError

from accounts.access.principal import Principal
from accounts.access.roles import Role
from accounts.audit.security_log import note
from accounts.auth.api_keys import recognise_key
from accounts.auth.jwt import Claims, claims_of
from accounts.models import User
from core.api.client_address import client_address
from core.api.request import ApiRequest
from core.batching import Combiner
from core.db.sql import Statement, ask

_USER_COLUMNS = ["id", "username", "email", "role", "doctor_id", "session_version", "is_active", "created_at"]
# Written out, for it runs in every request: building it with the ORM takes longer than PostgreSQL does. What is not
# selected (the password) is loaded when somebody asks for it.
_LIVING_USERS = f"""
SELECT {", ".join(f"u.{column}" for column in _USER_COLUMNS)},
    CASE WHEN u.role = 'PATIENT' THEN ARRAY(SELECT patient_id FROM accounts_user_patients WHERE user_id = u.id) END,
    s.second_factor, s.created_at, s.id
FROM accounts_user u JOIN accounts_session s ON s.user_id = u.id
WHERE s.id = ANY(%s) AND u.is_active AND s.ended_at IS NULL
"""  # the columns are ours
QUEUE_SECONDS = 0.5
Row = tuple[Any, ...]


class KeyHolder:
    """Stands in `request.user` for a hospital system: signed in, but no person and no row among the users."""

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
    """What follows the scheme in the header; None if the header has another scheme or is missing."""
    words = request.META.get("HTTP_AUTHORIZATION", "").split(" ")
    if words[0].lower() != scheme.lower():
        return None
    if len(words) != 2 or not words[1] or len(words[1]) > 4096 or not words[1].isascii():
        raise AuthenticationFailed("The Authorization header is malformed.")
    return words[1]


def _living_session(session_id: uuid.UUID) -> Row | None:
    """The row of an active user with a session that has not ended; None if there is none.

    Threads that ask at the same moment share one statement.
    """
    found: Row | None = _sessions.submit_or_run(None, session_id, timeout_seconds=QUEUE_SECONDS)
    return found


def _look_up(session_ids: Sequence[uuid.UUID]) -> list[Row | None]:
    [rows] = ask(Statement(_LIVING_USERS, (list(set(session_ids)),)))
    found = {row[-1]: row for row in rows}
    return [found.get(session_id) for session_id in session_ids]


_sessions: Combiner[None, uuid.UUID] = Combiner(_look_up)


def _standing(claims: Claims, found: Row | None) -> tuple[User, Principal] | None:
    """The user that a token speaks of, if they and their session still are as it says."""
    if found is None:
        return None
    *columns, patient_ids, second_factor, signed_in_at, _ = found
    user_id, _, _, role, doctor_id, session_version, *_ = columns
    if (user_id, session_version) != (claims.user_id, claims.session_version):
        return None
    principal = Principal(
        kind="user",
        id=user_id,
        role=Role(role),
        doctor_id=doctor_id if role == Role.DOCTOR else None,
        second_factor=second_factor,
        signed_in_at=signed_in_at,
        own_patients=frozenset(patient_ids or ()),
    )
    # Most requests need the principal alone: the row of the user is made for those that ask for more.
    user = SimpleLazyObject(partial(User.from_db, connection.alias, _USER_COLUMNS, columns))
    return user, principal  # type: ignore[return-value]


def claims_in(request: HttpRequest | ApiRequest) -> Claims | None:
    """What the request's access token says; None without one, AuthenticationFailed (401) for one that is not good."""
    raw = _credentials(request, "Bearer")
    if raw is None:
        return None
    try:
        return claims_of(raw)
    except TokenError as error:
        raise AuthenticationFailed("The access token is not valid or has expired.") from error


class JWTAuthentication(BaseAuthentication):
    """Signed-in users. One indexed look-up per request tells whether user, role and session still stand."""

    def authenticate(self, request: Any) -> tuple[User, Principal] | None:
        """The user and their principal; 401 if the token, its session or its user is not, or no longer, good."""
        claims = claims_in(request)
        if claims is None:
            return None
        found = _standing(claims, _living_session(claims.session_id))
        if found is None:
            note("ended_session_refused", user=claims.user_id, session=claims.session_id)
            raise AuthenticationFailed("This session has ended.")
        return found

    def authenticate_header(self, request: Any) -> str:
        """The challenge sent with 401."""
        return 'Bearer realm="api"'


class ApiKeyAuthentication(BaseAuthentication):
    """Hospital systems with a key; each acts under its own name in the event log."""

    def authenticate(self, request: Any) -> tuple[KeyHolder, Principal] | None:
        """The key's holder and principal; 401 if the key is unknown, revoked, expired or used from elsewhere."""
        text = _credentials(request, "Api-Key")
        if text is None:
            return None
        key = recognise_key(text=text, address=client_address(request))
        if key is None:
            raise AuthenticationFailed("The API key is not valid here and now.")
        return KeyHolder(key.pk), Principal.of_key(key)

    def authenticate_header(self, request: Any) -> str:
        """The challenge sent with 401."""
        return 'Api-Key realm="api"'
