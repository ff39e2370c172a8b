"""The OpenAPI descriptions of boards, kiosks and tracking links."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view

from accounts.access.permission_table import DEVICE_PERMISSIONS
from accounts.access.permissions import capability_of
from core.api.openapi import CONDITIONAL, NOT_MODIFIED, problems
from live.api import messages
from live.api.examples import CODE
from live.api.serializers import (
    DeviceFilters,
    HealthRequest,
    KioskCheckInRequest,
    LetPassRequest,
    PairRequest,
    TrackCheckInRequest,
)


class DeviceKeySchemes(OpenApiAuthenticationExtension):
    """The schemes for the keys of boards and kiosks."""

    target_class = "live.api.device_authentication.DeviceKeyAuthentication"
    name = ["boardKey", "kioskKey"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Return the scheme of the only kind of device that may call the operation; none for users and API keys."""
        device = DEVICE_PERMISSIONS.get(capability_of(auto_schema.view, auto_schema.method) or "")
        return [{f"{device}Key": []}] if f"{device}Key" in self.name else []

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        """Return the OpenAPI definitions of the schemes."""
        return [
            {"type": "apiKey", "in": "header", "name": "Authorization", "description": f"`{kind} <key>`"}
            for kind in ("Board", "Kiosk")
        ]


class BoardCookieScheme(OpenApiAuthenticationExtension):
    """The scheme for the cookie of the browser of a board."""

    target_class = "live.api.device_authentication.BoardCookieAuthentication"
    name = "boardCookie"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the OpenAPI definition of the scheme."""
        return {"type": "apiKey", "in": "cookie", "name": "opd-board", "description": "`__Host-opd-board` over HTTPS."}


class KioskCookieScheme(OpenApiAuthenticationExtension):
    """The scheme for the cookie of the browser of a kiosk."""

    target_class = "live.api.device_authentication.KioskCookieAuthentication"
    name = "kioskCookie"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the OpenAPI definition of the scheme."""
        return {"type": "apiKey", "in": "cookie", "name": "opd-kiosk", "description": "`__Host-opd-kiosk` over HTTPS."}


_LINKS = ["Tracking link"]
_GONE = "An unknown, an expired and a revoked code give the same 404."


def _example(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, request_only=True, value=value)


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


def _track_action(
    name: str, summary: str, description: str, *codes: str, request: Any = None, example: dict[str, Any] | None = None
) -> Any:
    return extend_schema_view(
        post=extend_schema(
            tags=_LINKS,
            operation_id=f"track_{name}",
            summary=summary,
            description=f"{description} {_GONE}".strip(),
            auth=[],
            request=request,
            responses={200: messages.TrackedTokenMessage, **problems("invalid-transition", "version-conflict", *codes)},
            examples=[_example(summary, example)] if example else [],
        )
    )


track_cancel = _track_action("cancel", "Cancel the token of a link", "The seat goes to the waiting list.")
track_check_in = _track_action(
    "check_in",
    "Check in the patient of a link",
    "From `check_in_opens_minutes` before the slot's start. If the rule `kiosk_presence` is on, `presence` is the code "
    "that a kiosk of the facility shows; after five wrong ones in 5 minutes, further ones are refused (429).",
    "check-in-not-open",
    request=TrackCheckInRequest,
    example={"presence": "204871"},
)
track_let_pass = _track_action(
    "let_pass",
    "Let others go first",
    "A patient who is CHECKED_IN goes behind that many of those that follow in the queue, never forward.",
    request=LetPassRequest,
    example={"places": 2},
)

_DEVICES = ["Board and kiosk"]


def device_list(kind: str, serializer: Any) -> Any:
    """Describe the list of devices of a kind."""
    return extend_schema_view(
        get=extend_schema(
            tags=_DEVICES,
            operation_id=f"{kind}s_list",
            summary=f"List the {kind}s",
            parameters=[DeviceFilters],
            responses={200: serializer(many=True)},
        ),
        post=extend_schema(
            tags=_DEVICES,
            operation_id=f"{kind}s_create",
            summary=f"Add a {kind}",
            request=serializer,
            responses={201: serializer},
            examples=[_example(f"A {kind}", {"name": "Waiting hall, ground floor", "languages": ["en", "hi"]})],
        ),
    )


def device_detail(kind: str, serializer: Any) -> Any:
    """Describe one device."""
    return extend_schema_view(
        get=extend_schema(tags=_DEVICES, operation_id=f"{kind}s_read", summary=f"Read a {kind}"),
        patch=extend_schema(
            tags=_DEVICES,
            operation_id=f"{kind}s_change",
            summary=f"Change a {kind}",
            request=serializer(partial=True),
            responses={200: serializer},
            examples=[_example("Rename", {"name": "Waiting hall, first floor"})],
        ),
        delete=extend_schema(
            tags=_DEVICES,
            operation_id=f"{kind}s_delete",
            summary=f"Remove a {kind}, with its key and its pairing",
            request=None,
            responses={204: None},
        ),
    )


def device_pair(kind: str, serializer: Any) -> Any:
    """Describe the pairing of a screen by its code."""
    return extend_schema_view(
        post=extend_schema(
            tags=_DEVICES,
            operation_id=f"{kind}s_pair",
            summary=f"Pair the screen that shows a code with a {kind}",
            description=(
                f"An unpaired screen shows the code of `{kind}/pairing/`, valid for 10 minutes and one use. The "
                f"browser of that screen then calls `{kind}/...` with its cookie; the one paired before no longer can. "
                "After ten wrong codes in 15 minutes, by a caller or for a device, further ones are refused (429)."
            ),
            request=PairRequest,
            responses={200: serializer},
            examples=[_example("The code on the screen", {"code": "K7QM4X"})],
        )
    )


def device_pairing(kind: str) -> Any:
    """Describe the end of a pairing."""
    return extend_schema_view(
        delete=extend_schema(
            tags=_DEVICES,
            operation_id=f"{kind}s_unpair",
            summary=f"End the pairing of a {kind}",
            description="The cookie of its browser is no longer accepted. A key stays valid.",
            request=None,
            responses={204: None},
        )
    )


def device_key(kind: str) -> Any:
    """Describe the key of a device."""
    return extend_schema_view(
        post=extend_schema(
            tags=_DEVICES,
            operation_id=f"{kind}s_key",
            summary=f"Issue a key to a {kind}, for programs",
            description=(
                f"A program calls `{kind}/...` with `Authorization: {kind.title()} <key>`. A new key revokes the one "
                "before. It is stored as a hash and shown only here; a repetition with the same Idempotency-Key gets "
                "it again."
            ),
            request=None,
            responses={200: messages.KeyMessage},
        )
    )


def screen_pairing(kind: str) -> Any:
    """Describe the pairing of the calling browser."""
    return extend_schema_view(
        get=extend_schema(
            tags=_DEVICES,
            operation_id=f"{kind}_pairing_read",
            summary="Find out whether this browser is paired",
            description="Needs no sign-in. An unpaired screen asks every few seconds.",
            auth=[],
            responses={200: messages.PairingStatusMessage},
        ),
        post=extend_schema(
            tags=_DEVICES,
            operation_id=f"{kind}_pairing_create",
            summary="Get a code for this browser",
            description=(
                f"Needs no sign-in. The answer sets an HttpOnly, SameSite=Strict cookie, which is good for nothing "
                f"until an ADMIN enters the code at `{kind}s/{{id}}/pair/`, and then for that {kind} only. At most 300 "
                "codes in 15 minutes for an address."
            ),
            auth=[],
            request=None,
            responses={201: messages.PairingMessage},
        ),
    )


board_show = extend_schema_view(
    get=extend_schema(
        tags=_DEVICES,
        operation_id="board_read",
        summary="Read what the board shows",
        description=(
            "For a board, with its key or the cookie of its browser. `calls` are the patients who are CALLED now; a "
            "recall has a `seq` of its own and the kind AGAIN. The ETag covers everything but `now`."
        ),
        parameters=CONDITIONAL,
        responses={200: messages.BoardContentMessage, 304: NOT_MODIFIED},
    )
)
board_health = extend_schema_view(
    post=extend_schema(
        tags=_DEVICES,
        operation_id="board_health",
        summary="Report the health of the screen",
        description="Every 15 seconds. A board that is silent for 60 seconds is not `healthy`.",
        request=HealthRequest,
        responses={204: None},
        examples=[_example("All is well", {"seq": 4711, "audio": "on", "visible": True})],
    )
)
kiosk_check_in = extend_schema_view(
    post=extend_schema(
        tags=_DEVICES,
        operation_id="kiosk_check_in",
        summary="Check a patient in at a kiosk",
        description=(
            "For a kiosk, with its key or the cookie of its browser. Send `scan`, a tracking link or its code, or "
            "`ticket` and `phone_last4`. `SEE_DESK` has the same bytes for an unknown ticket, wrong digits, another "
            "day and a cancelled token; five of them in 5 minutes make it the answer to everything at that kiosk for 5 "
            "minutes. `EARLY`: before `check_in_opens_minutes`."
        ),
        request=KioskCheckInRequest,
        responses={200: messages.OutcomeMessage},
        examples=[
            _example("A scanned link", {"scan": f"https://opd.example/t/{CODE}"}),
            _example("A ticket", {"ticket": "A1-007", "phone_last4": "1223"}),
        ],
    )
)
kiosk_presence = extend_schema_view(
    get=extend_schema(
        tags=_DEVICES,
        operation_id="kiosk_presence",
        summary="Read the presence code that the kiosk shows",
        description=(
            "Patients send it as `presence` with `track/{code}/check_in/` if the rule `kiosk_presence` is on; "
            "otherwise it is null. It changes every 60 seconds and is accepted for one minute more."
        ),
        responses={200: messages.PresenceMessage},
    )
)
