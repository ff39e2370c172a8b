"""Sign-ins that last: the chain of refresh tokens, its rotation and its end."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F
from rest_framework_simplejwt.exceptions import TokenError

from accounts.jwt import AccessToken, RefreshToken
from accounts.models import Session, User
from accounts.security_log import note
from core import clock
from core.transactions import atomic

# However often a session is refreshed: now and then everybody proves again who they are.
LONGEST = timedelta(days=30)


class SessionOver(Exception):
    """The refresh token is not, or no longer, good."""


@dataclass(frozen=True)
class Pair:
    """What a successful sign-in hands out."""

    access: str
    refresh: str


def open_session(*, user: User, second_factor: bool = False) -> Pair:
    """Begin a session for a user who has proved who they are."""
    refresh = RefreshToken()
    expires_at = clock.now() + RefreshToken.lifetime
    session = Session(user=user, current=refresh.jti, expires_at=expires_at, second_factor=second_factor)
    session.save(force_insert=True)
    return _pair(user, session, refresh)


def refresh_session(*, raw: str) -> Pair:
    """Exchange a refresh token for the next pair; used a second time, it ends the whole session (SessionOver)."""
    token = _decode(raw)
    with atomic():
        session = (
            Session.objects.select_for_update(of=("self",)).select_related("user").filter(pk=token.session_id).first()
        )
        pair = _rotate(session, token)
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


def _rotate(session: Session | None, token: RefreshToken) -> Pair | None:
    if session is None or session.user_id != token.user_id or session.ended_at is not None:
        return None
    user = session.user
    if not user.is_active or user.session_version != token["sv"] or session.created_at <= clock.now() - LONGEST:
        return None
    if session.current != token.jti:
        session.ended_at = clock.now()
        session.save(update_fields=["ended_at"])
        note("refresh_token_used_twice", user=user.pk, session=session.pk)
        return None
    following = RefreshToken()
    session.current, session.expires_at = following.jti, clock.now() + RefreshToken.lifetime
    session.save(update_fields=["current", "expires_at"])
    return _pair(user, session, following)


def _pair(user: User, session: Session, refresh: RefreshToken) -> Pair:
    return Pair(access=str(AccessToken.of(user, session)), refresh=str(refresh.belong_to(user, session)))


def _decode(raw: str) -> RefreshToken:
    try:
        return RefreshToken(raw)  # type: ignore[arg-type]  # simplejwt annotates its own type here
    except TokenError as error:
        raise SessionOver from error
