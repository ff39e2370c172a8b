"""Sessions: a chain of refresh tokens with rotation and revocation.

The pair of tokens is a function of the session and the id of the refresh token, so that a repeated refresh returns the
same pair although no token is stored.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from rest_framework_simplejwt.exceptions import TokenError

from accounts.audit.security_log import log_event
from accounts.auth.jwt import AccessToken, RefreshToken
from accounts.models import Session, User
from core import clock
from core.db.transactions import atomic
from core.ids import new_id

# The limit on the age of a session, however often it is refreshed.
MAX_SESSION_AGE = timedelta(days=30)
# How long a used refresh token returns the same pair again: for two tabs, or a retry after a lost response.
REPEAT_WINDOW = timedelta(seconds=10)


class SessionEnded(Exception):
    """The refresh token is invalid, or its session has ended."""


@dataclass(frozen=True)
class TokenPair:
    """The access token and the refresh token of a session."""

    access: str
    refresh: str


def open_session(*, user: User, second_factor: bool = False) -> TokenPair:
    """Open a session for an authenticated user."""
    session = Session(
        user=user, current=new_id(), expires_at=clock.now() + RefreshToken.lifetime, second_factor=second_factor
    )
    session.save(force_insert=True)
    return _pair(user, session)


def refresh_session(*, raw: str, client: str) -> TokenPair:
    """Exchange a refresh token for the next pair; raise SessionEnded if it is not valid.

    The same client gets the same pair again within REPEAT_WINDOW. Any other use of a used token ends the session.
    `client` identifies the client by a keyed hash, see `accounts.audit.security_log.digest`.
    """
    token = _decode(raw)
    with atomic():
        session = (
            Session.objects.select_for_update(of=("self",)).select_related("user").filter(pk=token.session_id).first()
        )
        pair = _rotate(session, token, client)
    if pair is None:  # raised after the transaction, so that it commits the end of a session whose token was reused
        raise SessionEnded
    return pair


def end_session(*, raw: str) -> None:
    """End the session of a refresh token; do nothing if it has ended. Raise SessionEnded for an invalid token."""
    Session.objects.filter(pk=_decode(raw).session_id, ended_at=None).update(ended_at=clock.now())


def end_all_sessions(*, user_id: Any) -> None:
    """End all sessions of this user; their access tokens stop working at the next request."""
    User.objects.filter(pk=user_id).update(session_version=F("session_version") + 1)
    Session.objects.filter(user_id=user_id, ended_at=None).update(ended_at=clock.now())


def delete_expired_sessions() -> int:
    """Delete sessions whose last refresh token has expired; return the number of rows."""
    return Session.objects.filter(expires_at__lt=clock.now()).delete()[0]


def _rotate(session: Session | None, token: RefreshToken, client: str) -> TokenPair | None:
    if session is None or session.user_id != token.user_id or session.ended_at is not None:
        return None
    user, now = session.user, clock.now()
    if not user.is_active or user.session_version != token["sv"] or session.created_at <= now - MAX_SESSION_AGE:
        return None
    if session.current == token.jti:
        session.previous, session.current = session.current, new_id()
        session.rotated_at, session.rotated_by = now, client
        session.expires_at = now + RefreshToken.lifetime
        session.save(update_fields=["previous", "current", "rotated_at", "rotated_by", "expires_at"])
    elif not _is_repeat(session, token, client, now):
        session.ended_at = now
        session.save(update_fields=["ended_at"])
        log_event("refresh_token_used_twice", user=user.pk, session=session.pk)
        return None
    return _pair(user, session)


def _is_repeat(session: Session, token: RefreshToken, client: str, now: datetime) -> bool:
    if session.previous != token.jti or session.rotated_at is None:
        return False
    return session.rotated_by == client and now - session.rotated_at <= REPEAT_WINDOW


def _pair(user: User, session: Session) -> TokenPair:
    """Return the pair of the session's current refresh token; it is the same at every call."""
    access = AccessToken.of(user, session, token_id=session.current)
    return TokenPair(access=str(access), refresh=str(RefreshToken.of(user, session, token_id=session.current)))


def _decode(raw: str) -> RefreshToken:
    try:
        return RefreshToken(raw)  # type: ignore[arg-type]  # simplejwt annotates its own type here
    except TokenError as error:
        raise SessionEnded from error
