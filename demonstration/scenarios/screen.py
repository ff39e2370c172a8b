"""The board of a waiting room, which shows tickets and rooms and nothing else of a patient."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from demonstration.clinic import Clinic, Thing
from demonstration.outcome import expect, expect_true


class Screen:
    """A board that reads with its own key, and a line for each moment at which it was read."""

    def __init__(self, *, clinic: Clinic, key: str) -> None:
        self.clinic = clinic
        self.headers = {"Authorization": f"Board {key}"}
        self.bytes_shown = ""
        self.seq = 0
        self.lines: list[tuple[str, str, str, str, str]] = []

    def read(self, moment: str) -> Thing:
        """Return what the board shows now; fail if it shows an earlier state than before."""
        answer = self.clinic.client.send("GET", "board/", want=200, headers=self.headers)
        shown: Thing = answer.json()
        self.bytes_shown += answer.text
        expect_true("A board never goes back in time", shown["seq"] >= self.seq)
        self.seq = shown["seq"]
        calls = [f"{c['ticket']} {c['room_name']} {c['kind']}" for c in shown["calls"]]
        following = [ticket for room in shown["next"] for ticket in room["tickets"]]
        notices = [f"{notice['kind']} {notice['minutes']} min" for notice in shown["notices"]]
        cells = ["\n".join(each) or "-" for each in (calls, following, shown["missed"], notices)]
        self.lines.append((moment, cells[0], cells[1], cells[2], cells[3]))
        return shown


@contextmanager
def _screen(clinic: Clinic, rooms: list[Thing]) -> Iterator[Screen]:
    """Yield a board of these rooms, and remove it at the end."""
    body = {"name": f"Waiting hall {clinic.run}", "rooms": [room["id"] for room in rooms]}
    path = f"boards/{clinic.client.post('boards/', body, want=201)['id']}/"
    try:
        yield Screen(clinic=clinic, key=clinic.client.post(f"{path}key/")["key"])
    finally:
        clinic.client.send("DELETE", path, want=204)


def waiting_room_board(clinic: Clinic) -> None:
    """A board follows a morning: calls, recalls, who is missed, who is next, delays and pauses; no names."""
    rooms = clinic.rooms(2)
    slot = clinic.slot_from_now(start_minutes=-10, end_minutes=120, seats=6, rooms=rooms)
    tokens = [clinic.book(slot, clinic.patient(), "WALKIN", arrived=True) for _ in range(6)]
    with _screen(clinic, rooms) as screen:
        _follow(clinic, slot, rooms, tokens, screen)
    clinic.board.table("What the board showed", ("Moment", "Called", "Next", "Missed", "Notices"), screen.lines)
    names = [part for token in tokens for part in token["patient_name"].split()]
    expect_true("No name of a patient is on the board", not any(name in screen.bytes_shown for name in names))
    expect_true("No id of a token is on the board", not any(token["id"] in screen.bytes_shown for token in tokens))
    clinic.client.send("GET", "board/", want=401, headers=screen.headers)
    clinic.board.say("The board is removed, and its key is refused.")


def _follow(clinic: Clinic, slot: Thing, rooms: list[Thing], tokens: list[Thing], screen: Screen) -> None:
    tickets = [token["ticket"] for token in tokens]
    shown = screen.read("Six patients wait")
    expect("Nobody is called yet", seen=shown["calls"], wanted=[])
    expect("The next three are shown", seen=[each["tickets"] for each in shown["next"]], wanted=[tickets[:3]])

    for room in rooms:
        clinic.call_next(slot, room=room["id"])
    calls = screen.read("Each room calls")["calls"]
    wanted = [(tickets[1], rooms[1]["name"], "CALL"), (tickets[0], rooms[0]["name"], "CALL")]
    expect("The newest call is first, with its room", seen=_calls(calls), wanted=wanted)
    clinic.act(tokens[0], "recall")
    calls = screen.read("The first is called again")["calls"]
    wanted = [(tickets[0], rooms[0]["name"], "AGAIN"), wanted[0]]
    expect("A recall is first again", seen=_calls(calls), wanted=wanted)

    clinic.act(tokens[1], "start")
    gone = clinic.act(tokens[0], "no_show")
    shown = screen.read("One goes in, one is missed")
    expect("Nobody is called", seen=shown["calls"], wanted=[])
    # A grace period of seconds may be over by now.
    missed = (
        tickets[:1] if datetime.fromisoformat(shown["now"]) < datetime.fromisoformat(gone["grace_expires_at"]) else []
    )
    expect("A no-show is missed during the grace period", seen=shown["missed"], wanted=missed)

    clinic.delay(slot, 15)
    clinic.session(slot, "pause", minutes=20)
    notices = screen.read("15 minutes late, and a pause")["notices"]
    kinds = {notice["kind"]: notice["minutes"] for notice in notices}
    expect("The board tells of the delay and the pause", seen=kinds, wanted={"DELAY": 15, "PAUSE": 20})
    clinic.delay(slot, 0)
    clinic.session(slot, "resume")
    expect("The notices go", seen=screen.read("On time again")["notices"], wanted=[])

    clinic.act(tokens[1], "complete")
    clinic.session(slot, "finish")
    shown = screen.read("The session ends")
    left = (shown["calls"], shown["next"], shown["missed"], shown["notices"])
    expect("After the session the board is empty", seen=left, wanted=([], [], [], []))


def _calls(calls: list[Thing]) -> list[tuple[str, str, str]]:
    return [(call["ticket"], call["room_name"], call["kind"]) for call in calls]
