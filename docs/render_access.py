"""Writes docs/access.md from the one table of permissions: `python -m docs.render_access`."""

from pathlib import Path

from accounts.access.permission_table import MATRIX, WHO, Reach

PAGE = Path(__file__).with_name("access.md")

HEAD = """\
# Who may do what

This page is generated from `accounts/access/permission_table.py` by `python -m docs.render_access`; a test fails when
the two differ.

The first four columns are the roles of people, the others the scopes of a hospital system's API key (`book` includes
`read`, `operate` includes `book`). *own* is, for a doctor, the own slots and the tokens in them, and for a patient the
own records and their tokens; what lies outside answers 404 like an id that does not exist. Everybody can read slots, so
a doctor who acts on another doctor's slot, or asks for its queue, gets 403. What nobody gave is refused: without
credentials 401, otherwise 403.
"""

IN_WORDS = {
    "facilities.read": "see the facility",
    "facilities.write": "change the facility",
    "doctors.read": "see doctors",
    "doctors.write": "add, change and remove doctors",
    "patients.read": "see patients",
    "patients.register": "register patients",
    "patients.write": "change and remove patients",
    "slots.read": "see slots",
    "slots.write": "open, change and remove slots",
    "slots.run": "delay and close a slot, call the next patient",
    "slots.cancel": "cancel a slot",
    "tokens.read": "see tokens, and why they stand where they stand",
    "tokens.book": "book, hold, confirm, cancel (patients as ONLINE or FOLLOWUP)",
    "tokens.emergency": "bring an emergency in, triage",
    "tokens.attend": "check in, call, requeue, start, complete, no-show, reinstate",
    "queue.read": "see the queue of a slot (patients their own tokens only)",
    "waiting_list.read": "see the waiting list",
    "waiting_list.write": "take somebody off the waiting list",
    "reports.read": "see the reports",
    "events.read": "read the log",
    "users.manage": "make and change users",
    "api_keys.manage": "make and revoke API keys",
}

MARKS = {Reach.ALL: "yes", Reach.OWN: "own", Reach.NONE: "-"}


def page() -> str:
    """The whole page as the table of permissions says it now."""
    lines = [
        f"| | {' | '.join(str(who) for who in WHO)} |",
        "|---" * (len(WHO) + 1) + "|",
        *(
            f"| {IN_WORDS[capability]} | {' | '.join(MARKS[reach[str(who)]] for who in WHO)} |"
            for capability, reach in MATRIX.items()
        ),
    ]
    return "\n".join([HEAD, *lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
