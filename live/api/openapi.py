"""The OpenAPI descriptions of boards, kiosks and tracking links."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view

from core.api.openapi import CONDITIONAL, NOT_MODIFIED, problems
from live.api import messages

_LINKS = ["Tracking link"]
_GONE = "An unknown, an expired and a revoked code give the same 404."

token_link = extend_schema_view(
    post=extend_schema(
        tags=_LINKS,
        operation_id="tokens_link",
        summary="Issue a tracking link to a token",
        description=(
            "The patient follows the token with it, without signing in. A new link revokes the one before. The code is "
            "stored as a hash and shown only here; a repetition with the same Idempotency-Key gets it again."
        ),
        request=None,
        responses={201: messages.TrackingLinkMessage, **problems("invalid-transition")},
    ),
)
track = extend_schema_view(
    get=extend_schema(
        tags=_LINKS,
        operation_id="track_read",
        summary="Follow a token",
        description=f"Needs no sign-in: the code is the credential. {_GONE}",
        parameters=CONDITIONAL,
        auth=[],
        responses={200: messages.TrackedTokenMessage, 304: NOT_MODIFIED},
    ),
)


def _track_action(name: str, summary: str, description: str, *codes: str, request: Any = None) -> Any:
    return extend_schema_view(
        post=extend_schema(
            tags=_LINKS,
            operation_id=f"track_{name}",
            summary=summary,
            description=f"{description} {_GONE}".strip(),
            auth=[],
            request=request,
            responses={200: messages.TrackedTokenMessage, **problems("invalid-transition", "version-conflict", *codes)},
        )
    )


track_cancel = _track_action("cancel", "Cancel the token of a link", "The seat goes to the waiting list.")
track_check_in = _track_action(
    "check_in",
    "Check in the patient of a link",
    "From `check_in_opens_minutes` before the slot's start.",
    "check-in-not-open",
)
