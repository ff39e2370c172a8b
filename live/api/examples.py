"""One morning in a waiting room, as the examples of the OpenAPI document."""

from typing import Any

CODE = "kq3vJ0Zb7m1sXn5TtR2yLwPf8uHc4aDe"
LINK: dict[str, Any] = {
    "url": f"https://opd.example/t/{CODE}",
    "code": CODE,
    "expires_at": "2026-03-04T00:00:00+05:30",
}
TRACKED: dict[str, Any] = {
    "ticket": "A1-007",
    "status": "CHECKED_IN",
    "token_number": 6,
    "ahead": 5,
    "estimated_time": "2026-03-02T09:50:00+05:30",
    "estimated_from": "2026-03-02T09:35:00+05:30",
    "estimated_to": "2026-03-02T10:05:00+05:30",
    "room_name": "Room 4",
    "doctor_name": "Dr. Meera Iyer",
    "start_time": "2026-03-02T09:00:00+05:30",
    "facility_name": "St. Martha's Hospital",
    "message_key": "waiting",
    "actions": ["cancel", "let_pass"],
}

BOARD: dict[str, Any] = {
    "id": "0192e0c5-6b1a-7c3e-9fef-2b6d3a2c4e60",
    "name": "Waiting hall, ground floor",
    "rooms": [],
    "languages": ["en", "hi"],
    "announce": True,
    "show_doctor_name": False,
    "healthy": True,
    "last_seen": "2026-03-02T09:21:07+05:30",
    "audio": "on",
}
SHOWN: dict[str, Any] = {
    "board": {
        **{name: BOARD[name] for name in ("id", "name", "rooms", "languages", "announce", "show_doctor_name")},
        "facility_name": "St. Martha's Hospital",
    },
    "now": "2026-03-02T09:21:09+05:30",
    "seq": 4711,
    "calls": [
        {"seq": 4710, "ticket": "A1-007", "room_name": "Room 4", "kind": "AGAIN", "at": "2026-03-02T09:20:58+05:30"},
        {"seq": 4702, "ticket": "B1-003", "room_name": "Room 2", "kind": "CALL", "at": "2026-03-02T09:19:12+05:30"},
    ],
    "missed": ["A1-004"],
    "next": [{"room_name": "Room 4", "tickets": ["A1-008", "A1-009", "A1-011"]}],
    "notices": [{"room_name": "Room 2", "kind": "DELAY", "minutes": 25}],
}
KIOSK: dict[str, Any] = {
    "id": "0192e0c5-6b1a-7c3e-9fef-2b6d3a2c4e61",
    "name": "Main entrance",
    "languages": ["en", "hi"],
    "healthy": True,
    "last_seen": "2026-03-02T09:21:07+05:30",
}
PAIRING: dict[str, Any] = {"code": "K7QM4X", "expires_at": "2026-03-02T09:10:00+05:30"}
