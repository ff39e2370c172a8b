"""The REST API and its OpenAPI document."""

from typing import Any

from config import VERSION

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.auth.authentication.JWTAuthentication",
        "accounts.auth.authentication.ApiKeyAuthentication",
        "live.api.device_authentication.DeviceKeyAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.access.permissions.HasCapability"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.limits.rates.PrincipalThrottle"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "core.api.pagination.Pages",
    "DEFAULT_SCHEMA_CLASS": "accounts.api.openapi.AccessSchema",
    "EXCEPTION_HANDLER": "core.api.problem_details.handler",
    "COERCE_DECIMAL_TO_STRING": False,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_METADATA_CLASS": None,  # the OpenAPI document describes the views; OPTIONS is for CORS only
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

# Writes under these paths accept an Idempotency-Key.
OPD_RETRY_SAFE_PATHS = [
    "tokens/",
    "slots/",
    "patients/",
    "waiting-list/",
    "doctors/",
    "facilities/",
    "rooms/",
    "track/",
    "boards/",
    "board/health/",
    "kiosks/",
    "kiosk/check_in/",
]

_ABOUT = """
The engine allocates tokens in a hospital's out-patient department: it orders the queue of each slot, keeps the waiting
lists and gives free seats to waiting patients.

**Try it here:** sign in once under *Authorize*, with your name and password. The groups below follow the work at the
desk. Every error is a problem document (RFC 9457) with a `code` for programs. Writes accept an `Idempotency-Key`; with
it a request can be repeated safely. Answers are JSON: a request that does not accept JSON is answered with 406
`not-acceptable`.
"""

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "OPD token allocation engine",
    "DESCRIPTION": _ABOUT,
    "VERSION": VERSION,
    "LICENSE": {"name": "No licence chosen yet"},
    "SERVERS": [{"url": "/", "description": "The server that serves this document."}],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.api.openapi.state_security_once",
    ],
    "SCHEMA_PATH_PREFIX": r"/api/v[0-9]",
    "PATH_CONVERTER_OVERRIDES": {"id": {"type": "string", "format": "uuid"}},
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATION_PARAMETERS": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_NAME_OVERRIDES": {
        "Category": "tokens.policy.priority.Category",
        "BookableCategory": ["PRIORITY_PAID", "FOLLOWUP", "ONLINE", "WALKIN"],
        "SlotStatus": "clinics.models.SlotStatus",
        "TokenStatus": "tokens.policy.lifecycle.Status",
        "WaitingListStatus": "waitlist.models.EntryStatus",
        "Sex": "patients.models.Sex",
        "Role": "accounts.access.roles.Role",
        "Scope": "accounts.access.roles.Scope",
        "BookingOutcome": ["WAITLISTED"],
        "StepOutReason": "tokens.policy.lifecycle.StepOutReason",
        "BoardCallKind": ["CALL", "AGAIN"],
        "BoardNoticeKind": ["DELAY", "PAUSE"],
        "CheckInOutcome": "live.kiosk_check_in.OUTCOMES",
        "Audio": "live.models.Audio",
        "TrackingMessage": "live.tracking.MESSAGES",
        "TrackingAction": "live.tracking.ACTIONS",
        "GrantType": ["password", "refresh_token"],
    },
    "TAGS": [
        {"name": name, "description": text}
        for name, text in (
            ("Access", "Sign in; users, keys and passwords."),
            ("Register", "Facilities, doctors, rooms, patients and the slots of the timetable."),
            ("Book", "Book, hold, confirm and cancel tokens."),
            ("Arrive", "Check patients in, record no-shows and reinstate them."),
            ("Call", "Call patients, start and complete consultations."),
            ("Emergency", "Admit and triage emergencies."),
            ("Delay", "Record that a doctor is late or absent."),
            ("Waiting list", "Show waiting lists and withdraw entries."),
            ("Board and kiosk", "Screens in waiting rooms: administration, pairing, what they show."),
            ("Tracking link", "Let a patient follow a token on the telephone, without signing in."),
            ("Report", "Daily reports and the event log."),
        )
    ],
}
