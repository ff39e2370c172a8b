"""Tracking links: issue a link to a token, and find the token of a code."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Subquery

from core import clock
from core.api.commands import Reply
from core.errors import NotFound
from core.local_time import zone_info
from live.models import Link
from live.secrets import hash_of, new_seed, secret_of
from tokens.engine.ledger import Ledger
from tokens.engine.transaction import on_token
from tokens.errors import InvalidTransition
from tokens.models import Token
from tokens.queries.access import SLOT_OF_ITS_FACILITY

KEPT_AFTER_EXPIRY = timedelta(days=7)
"""How long the row of an expired link is kept; a token that moves to a later day makes its link valid again."""


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A new link: the seed of its code, and when it expires."""

    seed: str
    expires_at: datetime
    zone: str


def expiry(day: date, zone: str) -> datetime:
    """Return when the link to a token of this local day expires: at the end of the next day."""
    return datetime.combine(day + timedelta(days=2), time.min, tzinfo=zone_info(zone))


def issue_link(*, token_id: UUID, actor: str, reply: Reply | None = None) -> Any:
    """Issue a link to a token and revoke the earlier one; return an IssuedLink, or the answer to the request.

    Raise NotFound for an unknown token, InvalidTransition if the link would have expired.
    """

    def operation(ledger: Ledger, token: Token) -> IssuedLink:
        zone = ledger.slot.facility.time_zone
        issued = IssuedLink(new_seed(), expiry(token.local_date, zone), zone)
        if issued.expires_at <= ledger.now:
            raise InvalidTransition(current_status=token.status, action="link")
        _replace_link(ledger, token, issued)
        return issued

    return on_token(token_id, actor=actor, operation=operation, reply=reply)


def _replace_link(ledger: Ledger, token: Token, issued: IssuedLink) -> None:
    links = Link.objects.filter(facility_id=token.facility_id, token_id=token.id)
    links.filter(revoked_at=None).update(revoked_at=ledger.now)
    link = links.create(
        facility_id=token.facility_id,
        token_id=token.id,
        code_sha256=hash_of(secret_of(issued.seed)),
        expires_at=issued.expires_at,
        created_at=ledger.now,
    )
    ledger.note("link.issued", token_id=token.id, link=str(link.id))


def token_of(code: str) -> tuple[UUID, Token]:
    """Return the id of the link with this code and its token; raise NotFound.

    An unknown, a revoked and an expired code take the same statement. The day of the token decides on the expiry, so
    that the link of a token which moves to another day moves with it.
    """
    links = Link.objects.filter(code_sha256=hash_of(code), revoked_at=None)
    tokens = Token.objects.select_related("slot__doctor", "slot__facility").filter(
        SLOT_OF_ITS_FACILITY,
        facility_id=Subquery(links.values("facility_id")),
        id=Subquery(links.values("token_id")),
    )
    token = tokens.annotate(link_id=Subquery(links.values("id"))).first()
    if token is None or expiry(token.local_date, token.slot.facility.time_zone) <= clock.now():
        raise NotFound
    return token.link_id, token


def delete_expired_links() -> int:
    """Delete links that expired long ago; return the number of rows."""
    return Link.objects.filter(expires_at__lt=clock.now() - KEPT_AFTER_EXPIRY).delete()[0]
