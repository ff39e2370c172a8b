"""One morning at the desk, as the examples of the OpenAPI document."""

from typing import Any

SLOT_ID = "0192e0c5-7b1a-7c3e-9f00-2b6d3a1c4e5f"
OTHER_SLOT_ID = "0192e0c5-7b1a-7c3e-9f00-2b6d3a1c4e60"
PATIENT_ID = "0192e0c5-8c2b-7d4f-8a11-3c7e4b2d5f60"
DOCTOR_ID = "0192e0c5-6a09-7b2d-8eef-1a5c291b3d4e"
ROOM_ID = "0192e0c5-6b1a-7c3e-9fef-2b6d3a2c4e5f"

_PLAN = {"start_time": "2026-03-02T09:00:00+05:30", "end_time": "2026-03-02T10:00:00+05:30"}

SLOT: dict[str, Any] = {
    "id": SLOT_ID,
    "doctor": DOCTOR_ID,
    "doctor_name": "Dr. Meera Iyer",
    **_PLAN,
    "expected_end": "2026-03-02T10:00:00+05:30",
    "max_capacity": 6,
    "current_capacity": 1,
    "available_capacity": 5,
    "waiting_count": 0,
    "status": "ACTIVE",
    "delay_minutes": 0,
    "cascaded_minutes": 0,
    "consultation_minutes": 10,
    "rooms": [ROOM_ID],
    "began_at": None,
    "paused_since": None,
    "paused_until": None,
    "finished_at": None,
    "version": 2,
    "created_at": "2026-03-01T18:02:11+05:30",
}
TOKEN: dict[str, Any] = {
    "id": "0192e0c5-9d3c-7e50-9b22-4d8f5c3e6071",
    "ticket": "A1-007",
    "slot": SLOT_ID,
    "slot_info": {"doctor": "Dr. Meera Iyer", **_PLAN},
    "patient": PATIENT_ID,
    "patient_name": "Lakshmi Narayanan",
    "token_number": 1,
    "priority": 4.81,
    "category": "WALKIN",
    "acuity": None,
    "status": "CHECKED_IN",
    "estimated_time": "2026-03-02T09:00:00+05:30",
    "arrived_at": "2026-03-02T08:00:00+05:30",
    "called_at": None,
    "times_called": 0,
    "skips": 0,
    "room": None,
    "room_name": None,
    "actual_time": None,
    "completed_at": None,
    "returns_by": None,
    "overdue": False,
    "undo_until": None,
    "expires_at": None,
    "grace_expires_at": None,
    "created_at": "2026-03-02T08:00:00+05:30",
    "updated_at": "2026-03-02T08:00:00+05:30",
}
WAITING_LIST_ENTRY: dict[str, Any] = {
    "id": "0192e0c5-ae4d-7f61-8c33-5e906d4f7182",
    "slot": SLOT_ID,
    "patient": PATIENT_ID,
    "patient_name": "Lakshmi Narayanan",
    "category": "ONLINE",
    "priority": 3.8,
    "position": 1,
    "status": "WAITING",
    "token": None,
    "created_at": "2026-03-02T07:00:00+05:30",
}
EVENT: dict[str, Any] = {
    "id": "0192e0c5-bf5e-7072-9d44-6fa17e508293",
    "type": "token.checked_in",
    "slot": SLOT_ID,
    "token": TOKEN["id"],
    "at": "2026-03-02T08:00:00+05:30",
    "actor": "user:0192e0c5-c06f-7183-8e55-70b28f6193a4",
    "data": {},
}
BULK_RESULT = {"message": "80 slots were made, 0 skipped.", "count": 80, "skipped": 0}
SLOT_CANCELLATION = {"cancelled_tokens": 4, "withdrawn_entries": 1}
AFFECTED_SLOT = {"id": SLOT_ID, "delay_minutes": 30, "cascaded_minutes": 0}
AFFECTED_TOKEN = {
    "id": TOKEN["id"],
    "ticket": "A1-007",
    "token_number": 2,
    "estimated_time": "2026-03-02T09:10:00+05:30",
}
