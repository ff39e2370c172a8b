"""The two kinds of signed token, thin over simplejwt: who, in which session, at which session version of theirs."""

import hashlib
import hmac
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, NamedTuple, Self

from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from accounts.models import Session, User
from core import clock
from core.ids import milliseconds_of


@cache
def _backend(secret: str, audience: str, issuer: str) -> TokenBackend:
    # A key of its own: what signs tokens must not be able to sign Django's cookies, nor the other way round.
    key = hmac.new(secret.encode(), b"opd access and refresh tokens", hashlib.sha256).hexdigest()
    return TokenBackend("HS256", signing_key=key, audience=audience, issuer=issuer)


class SignedToken(Token):
    """Carries sub (user), sid (session) and sv (session version) besides what simplejwt puts in."""

    def get_token_backend(self) -> TokenBackend:
        """The signature of this installation: one algorithm, one audience, one issuer."""
        return _backend(settings.SECRET_KEY, settings.OPD_JWT_AUDIENCE, settings.OPD_JWT_ISSUER)

    @classmethod
    def of(cls, user: User, session: Session, *, token_id: uuid.UUID | None = None) -> Self:
        """Make a token of this kind for the user's session.

        With `token_id`, a UUIDv7, the token is issued at the time in the id: the same arguments give the same token.
        """
        token = cls()
        if token_id is not None:
            issued = datetime.fromtimestamp(milliseconds_of(token_id) // 1000, UTC)
            token.set_iat(at_time=issued)
            token.set_exp(from_time=issued)
            token["jti"] = str(token_id)
        token.payload.update(_claims(user, session))
        return token

    def verify(self) -> None:
        """Raises TokenError unless every claim is there and has its shape."""
        super().verify()
        for claim in ("sub", "sid", "jti"):
            _uuid_of(self.get(claim))
        if type(self.get("sv")) is not int or not 0 <= self["sv"] < 2**31:
            raise TokenError("The token carries no session version.")

    @property
    def user_id(self) -> uuid.UUID:
        """Whose token it is."""
        return _uuid_of(self["sub"])

    @property
    def session_id(self) -> uuid.UUID:
        """The sign-in from which it comes."""
        return _uuid_of(self["sid"])

    @property
    def jti(self) -> uuid.UUID:
        """The token's own id."""
        return _uuid_of(self["jti"])


class AccessToken(SignedToken):
    """Opens the API for a quarter of an hour."""

    token_type = "access"  # noqa: S105
    lifetime: timedelta = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]


class Claims(NamedTuple):
    """What a good access token says."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    session_version: int
    expires_at: int  # seconds since 1970


def claims_of(raw: str) -> Claims:
    """What an access token says; TokenError unless it is ours, whole and not expired."""
    claims = _verified(raw, settings.SECRET_KEY, settings.OPD_JWT_AUDIENCE, settings.OPD_JWT_ISSUER)
    if claims.expires_at * 1000 <= clock.machine_milliseconds():
        raise TokenError("The token has expired.")
    return claims


@lru_cache(maxsize=8192)
def _verified(raw: str, *keys: str) -> Claims:
    """The signature of a token stays what it is: it is checked once in a process for each token and keys."""
    token = AccessToken(raw)  # type: ignore[arg-type]  # simplejwt annotates its own type here
    return Claims(token.user_id, token.session_id, token["sv"], token["exp"])


class RefreshToken(SignedToken):
    """Is exchanged for the next pair of tokens, within a day."""

    token_type = "refresh"  # noqa: S105
    lifetime: timedelta = settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]


def _claims(user: User, session: Session) -> dict[str, Any]:
    return {"sub": str(user.pk), "sid": str(session.pk), "sv": user.session_version}


def _uuid_of(claim: Any) -> uuid.UUID:
    try:
        return uuid.UUID(claim)
    except (TypeError, ValueError, AttributeError) as error:
        raise TokenError("The token is malformed.") from error
