"""Render docs/access.md from the table of permissions: `python -m docs.render_access`."""

from pathlib import Path

from accounts.access.permission_table import COLUMNS, DEVICE_PERMISSIONS, FOR_SUPERUSERS, PERMISSIONS, Reach

PAGE = Path(__file__).with_name("access.md")

HEAD = """\
# Permissions

This page is generated from `accounts/access/permission_table.py` by `python -m docs.render_access`; a test fails when
the two differ.

The first four columns are the roles of users, the others the scopes of a hospital system's API key (`book` includes
`read`, `operate` includes `book`). *own* means, for a doctor, the doctor's own slots and the tokens in them, and for a
patient the patient's own records and their tokens; anything else returns 404, like an id that does not exist. All
callers can read slots, so a doctor who acts on another doctor's slot, or reads its queue, gets 403. What the table does
not grant is refused: 401 without credentials, otherwise 403.

Staff and API keys belong to one facility and use all of this there only: whatever lies in another facility answers
like an id that does not exist, and is in no list. A *superuser* is an ADMIN who acts in all facilities
(`createsuperuser` creates one). Patients belong to no facility: they see the doctors and slots of all of them, and
their own records in each.
"""

IN_WORDS = {
    "facilities.read": "see the facility",
    "facilities.write": "change the facility",
    "facilities.create": "add a facility",
    "doctors.read": "see doctors",
    "doctors.write": "add, change and remove doctors",
    "rooms.read": "see rooms",
    "rooms.write": "add, change and remove rooms",
    "patients.read": "see patients",
    "patients.register": "register patients",
    "patients.write": "change and remove patients",
    "patients.merge": "merge two records of one patient",
    "slots.read": "see slots",
    "slots.write": "open, change and remove slots",
    "slots.run": "delay, begin, pause, finish, close and reopen a slot, call the next patient",
    "slots.cancel": "cancel a slot",
    "tokens.read": "see tokens, and the reasons for their positions",
    "tokens.book": "book, hold, confirm, cancel (patients as ONLINE or FOLLOWUP)",
    "tokens.emergency": "admit an emergency, triage",
    "tokens.attend": "check in, call, recall, requeue, skip, start, complete, step out and in, no-show, reinstate",
    "tokens.undo": "undo the last action on a token, if they may perform it",
    "tokens.move": "move a token to another slot (patients their CONFIRMED ones)",
    "tokens.reclassify": "change the category of a token",
    "queue.read": "see the queue of a slot (patients their own tokens only)",
    "waiting_list.read": "see the waiting list",
    "waiting_list.write": "remove an entry from the waiting list",
    "waiting_list.seat": "give a kept seat to an entry of the waiting list out of order",
    "reports.read": "see the reports",
    "events.read": "read the event log",
    "devices.read": "see boards and kiosks",
    "devices.write": "add, change, pair and remove boards and kiosks",
    "users.manage": "create and change users",
    "api_keys.manage": "create and revoke API keys",
}

DEVICES_HEAD = """\

A board, a kiosk and the holder of a tracking link may do nothing else, and nobody else may do this:

| | caller |
|---|---|"""

DEVICES_IN_WORDS = {
    "board.show": "read what a board shows, report the health of the screen",
    "kiosk.check_in": "check patients in, show the presence code",
    "token.follow": "follow one token; cancel it, check in, let others pass",
}

SUPERUSER = "superuser"
MARKS = {Reach.ALL: "yes", Reach.OWN: "own", Reach.NONE: "-"}


def page() -> str:
    """Return the page as rendered from the table of permissions."""
    lines = [
        f"| | {' | '.join(str(column) for column in COLUMNS)} |",
        "|---" * (len(COLUMNS) + 1) + "|",
        *(
            f"| {IN_WORDS[capability]} | {' | '.join(_mark(capability, reach[str(column)]) for column in COLUMNS)} |"
            for capability, reach in PERMISSIONS.items()
        ),
    ]
    devices = [f"| {DEVICES_IN_WORDS[name]} | {device.label} |" for name, device in DEVICE_PERMISSIONS.items()]
    return "\n".join([HEAD, *lines, DEVICES_HEAD, *devices, ""])


def _mark(capability: str, reach: Reach) -> str:
    return SUPERUSER if reach is Reach.ALL and capability in FOR_SUPERUSERS else MARKS[reach]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
