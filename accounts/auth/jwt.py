"""Access and refresh tokens, built on simplejwt, with the user, the session and the session version as claims."""

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
def token_backend(secret: str, audience: str, issuer: str) -> TokenBackend:
    # A derived key: a key that signs tokens must not sign Django's cookies, and vice versa.
    key = hmac.new(secret.encode(), b"opd access and refresh tokens", hashlib.sha256).hexdigest()
    return TokenBackend("HS256", signing_key=key, audience=audience, issuer=issuer)


class SignedToken(Token):
    """A token with the claims sub (user), sid (session) and sv (session version) in addition to simplejwt's."""

    def get_token_backend(self) -> TokenBackend:
        """Return the backend with the algorithm, audience and issuer of this installation."""
        return token_backend(settings.SECRET_KEY, settings.OPD_JWT_AUDIENCE, settings.OPD_JWT_ISSUER)

    @classmethod
    def of(cls, user: User, session: Session, *, token_id: uuid.UUID | None = None) -> Self:
        """Create a token of this kind for the user's session.

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
        """Raise TokenError if a claim is missing or malformed."""
        super().verify()
        for claim in ("sub", "sid", "jti"):
            _uuid_of(self.get(claim))
        if type(self.get("sv")) is not int or not 0 <= self["sv"] < 2**31:
            raise TokenError("The token carries no session version.")

    @property
    def user_id(self) -> uuid.UUID:
        """Return the id of the token's user."""
        return _uuid_of(self["sub"])

    @property
    def session_id(self) -> uuid.UUID:
        """Return the id of the token's session."""
        return _uuid_of(self["sid"])

    @property
    def jti(self) -> uuid.UUID:
        """Return the id of the token."""
        return _uuid_of(self["jti"])


class AccessToken(SignedToken):
    """Authenticates API requests; expires after 15 minutes by default."""

    token_type = "access"  # noqa: S105
    lifetime: timedelta = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]


class Claims(NamedTuple):
    """The claims of a valid access token."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    session_version: int
    expires_at: int  # seconds since 1970


def claims_of(raw: str) -> Claims:
    """Return the claims of an access token; raise TokenError if it is invalid or has expired."""
    claims = _verified(raw, settings.SECRET_KEY, settings.OPD_JWT_AUDIENCE, settings.OPD_JWT_ISSUER)
    if claims.expires_at * 1000 <= clock.machine_milliseconds():
        raise TokenError("The token has expired.")
    return claims


@lru_cache(maxsize=8192)
def _verified(raw: str, *keys: str) -> Claims:
    """Verify the signature of a token. It cannot change, so the result is cached for each token and key."""
    token = AccessToken(raw)  # type: ignore[arg-type]  # simplejwt annotates its own type here
    return Claims(token.user_id, token.session_id, token["sv"], token["exp"])


class RefreshToken(SignedToken):
    """Is exchanged for a new pair of tokens before it expires."""

    token_type = "refresh"  # noqa: S105
    lifetime: timedelta = settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]


def _claims(user: User, session: Session) -> dict[str, Any]:
    return {"sub": str(user.pk), "sid": str(session.pk), "sv": user.session_version}


def _uuid_of(claim: Any) -> uuid.UUID:
    try:
        return uuid.UUID(claim)
    except (TypeError, ValueError, AttributeError) as error:
        raise TokenError("The token is malformed.") from error
