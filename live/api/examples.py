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
