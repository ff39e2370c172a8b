"""Sign-ins that last: the chain of refresh tokens, its rotation and its end.

A pair of tokens is a function of the session and of the refresh token's id, so a refresh that is repeated can be
answered with the same pair although no token is stored.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from rest_framework_simplejwt.exceptions import TokenError

from accounts.audit.security_log import note
from accounts.auth.jwt import AccessToken, RefreshToken
from accounts.models import Session, User
from core import clock
from core.db.transactions import atomic
from core.ids import new_id

# However often a session is refreshed: now and then everybody proves again who they are.
LONGEST = timedelta(days=30)
# Two tabs, or a request repeated after a lost answer: for so long a spent refresh token gives the same pair again.
REPEATABLE = timedelta(seconds=10)


class SessionOver(Exception):
    """The refresh token is not, or no longer, good."""


@dataclass(frozen=True)
class Pair:
    """What a successful sign-in hands out."""

    access: str
    refresh: str


def open_session(*, user: User, second_factor: bool = False) -> Pair:
    """Begin a session for a user who has proved who they are."""
    session = Session(
        user=user, current=new_id(), expires_at=clock.now() + RefreshToken.lifetime, second_factor=second_factor
    )
    session.save(force_insert=True)
    return _pair(user, session)


def refresh_session(*, raw: str, client: str) -> Pair:
    """Exchange a refresh token for the next pair.

    The same client gets the same pair again within REPEATABLE. Any other use of a spent token ends the whole session
    (SessionOver). `client` tells clients apart: a keyed hash, see `accounts.audit.security_log.digest`.
    """
    token = _decode(raw)
    with atomic():
        session = (
            Session.objects.select_for_update(of=("self",)).select_related("user").filter(pk=token.session_id).first()
        )
        pair = _rotate(session, token, client)
    if pair is None:  # raised here, so that the end of a session that was used twice is kept
        raise SessionOver
    return pair


def end_session(*, raw: str) -> None:
    """Make a refresh token, and with it the session, worthless; one that is already dead stays so."""
    Session.objects.filter(pk=_decode(raw).session_id, ended_at=None).update(ended_at=clock.now())


def end_all_sessions(*, user_id: Any) -> None:
    """End every session of this user at their next call, access tokens included."""
    User.objects.filter(pk=user_id).update(session_version=F("session_version") + 1)
    Session.objects.filter(user_id=user_id, ended_at=None).update(ended_at=clock.now())


def delete_expired_sessions() -> int:
    """Remove the rows of sessions whose last refresh token has expired; returns how many."""
    return Session.objects.filter(expires_at__lt=clock.now()).delete()[0]


def _rotate(session: Session | None, token: RefreshToken, client: str) -> Pair | None:
    if session is None or session.user_id != token.user_id or session.ended_at is not None:
        return None
    user, now = session.user, clock.now()
    if not user.is_active or user.session_version != token["sv"] or session.created_at <= now - LONGEST:
        return None
    if session.current == token.jti:
        session.previous, session.current = session.current, new_id()
        session.rotated_at, session.rotated_by = now, client
        session.expires_at = now + RefreshToken.lifetime
        session.save(update_fields=["previous", "current", "rotated_at", "rotated_by", "expires_at"])
    elif not _is_repeated(session, token, client, now):
        session.ended_at = now
        session.save(update_fields=["ended_at"])
        note("refresh_token_used_twice", user=user.pk, session=session.pk)
        return None
    return _pair(user, session)


def _is_repeated(session: Session, token: RefreshToken, client: str, now: datetime) -> bool:
    if session.previous != token.jti or session.rotated_at is None:
        return False
    return session.rotated_by == client and now - session.rotated_at <= REPEATABLE


def _pair(user: User, session: Session) -> Pair:
    """The pair of the session's current refresh token: always the same one."""
    access = AccessToken.of(user, session, token_id=session.current)
    return Pair(access=str(access), refresh=str(RefreshToken.of(user, session, token_id=session.current)))


def _decode(raw: str) -> RefreshToken:
    try:
        return RefreshToken(raw)  # type: ignore[arg-type]  # simplejwt annotates its own type here
    except TokenError as error:
        raise SessionOver from error
