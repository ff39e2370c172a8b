"""Section 15: boards."""

import secrets
from datetime import timedelta
from typing import Any

import pytest

from tests.support.api import Answer, Api
from tests.support.hospital import Hospital, unique
from tests.support.shapes import (
    assert_shape,
    maybe_text,
    moment,
    one_of,
    or_null,
    text,
    ticket,
    uuid,
    whole,
    yes_no,
)

Json = dict[str, Any]
texts = lambda value: isinstance(value, list) and all(map(text, value))  # noqa: E731
BOARD = {
    "id": uuid, "name": text, "rooms": lambda rooms: all(map(uuid, rooms)), "languages": texts, "announce": yes_no,
    "show_doctor_name": yes_no, "healthy": yes_no, "last_seen": or_null(moment),
    "audio": or_null(one_of("on", "off", "failed")),
}  # fmt: skip
CONTENT = {
    "board": lambda board: isinstance(board, dict), "now": moment, "seq": whole,
    "calls": lambda calls: isinstance(calls, list), "missed": lambda missed: all(map(ticket, missed)),
    "next": lambda rooms: isinstance(rooms, list), "notices": lambda notices: isinstance(notices, list),
}  # fmt: skip
CALL = {"seq": whole, "ticket": ticket, "room_name": maybe_text, "kind": one_of("CALL", "AGAIN"), "at": moment}


def a_board(hospital: Hospital, **facts: Any) -> Json:
    return hospital.admin.post("boards/", {"name": unique("Hall"), **facts}).expect(201)


def by_key(hospital: Hospital, board: Json) -> Api:
    key = hospital.admin.post(f"boards/{board['id']}/key/").expect(200)["key"]
    return Api(hospital.wire, f"Board {key}")


def a_room(hospital: Hospital) -> Json:
    code = f"R{secrets.token_hex(4)}"
    return hospital.admin.post("rooms/", {"name": f"Room {code}", "code": code}).expect(201)


def a_slot(hospital: Hospital, *rooms: Json, **facts: Any) -> Json:
    """Return a slot of today in these rooms."""
    slot = hospital.slot(start=hospital.now() + timedelta(minutes=5), **facts)
    if rooms:
        hospital.desk.patch(f"slots/{slot['id']}/", {"rooms": [room["id"] for room in rooms]}).expect(200)
    return slot


def shown(board: Api) -> Json:
    return board.get("board/").expect(200)


def test_an_admin_adds_changes_and_removes_a_board(hospital: Hospital) -> None:
    board = a_board(hospital)
    assert_shape(board, BOARD)
    assert board == board | {
        "rooms": [], "languages": ["en"], "show_doctor_name": False, "healthy": False, "last_seen": None, "audio": None,
    }  # fmt: skip
    room, path = a_room(hospital), f"boards/{board['id']}/"
    changes = {"name": "Hall B", "rooms": [room["id"]], "languages": ["hi", "en"], "announce": False}
    assert hospital.admin.patch(path, changes).expect(200) == board | changes
    assert hospital.desk.get(path).expect(200) == board | changes
    assert board["id"] in [each["id"] for each in hospital.desk.get("boards/", page_size=200).expect(200)["results"]]
    hospital.admin.delete(path).expect(204)
    hospital.admin.get(path).expect(404, "not-found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "A", "languages": []}, "languages"),
        ({"name": "A", "languages": ["English"]}, "languages"),
        ({"name": "A", "rooms": ["x"]}, "rooms.0"),
        ({"name": "A", "announce": "yes"}, "announce"),
        ({"name": "A", "volume": 3}, "volume"),
    ],
)
def test_a_bad_board_is_refused(hospital: Hospital, body: Json, field: str) -> None:
    assert field in hospital.admin.post("boards/", body).codes


def test_an_unknown_room_is_not_found(hospital: Hospital) -> None:
    unknown = "0192e0c5-9d3c-7e50-9b22-4d8f5c3e6071"
    hospital.admin.post("boards/", {"name": "A", "rooms": [unknown]}).expect(404, "not-found")
    hospital.admin.patch(f"boards/{a_board(hospital)['id']}/", {"rooms": [unknown]}).expect(404, "not-found")


def test_staff_read_and_only_an_admin_writes(hospital: Hospital) -> None:
    board, doctor = a_board(hospital), hospital.doctor_user(hospital.doctor())
    path = f"boards/{board['id']}/"
    for caller in (hospital.desk, doctor):
        caller.get("boards/").expect(200)
        caller.get(path).expect(200)
        caller.post("boards/", {"name": "A"}).expect(403)
        for method, below in (
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "pair/"),
            ("DELETE", "pairing/"),
            ("POST", "key/"),
        ):
            caller.call(method, path + below, {}).expect(403)
    hospital.patient_user(hospital.patient()).get("boards/").expect(403)


def test_a_board_shows_calls_newest_first_and_a_recall_again(hospital: Hospital) -> None:
    room = a_room(hospital)
    board = by_key(hospital, a_board(hospital, rooms=[room["id"]]))
    slot = a_slot(hospital, room)
    first, second = (hospital.token(slot, arrived=True) for _ in range(2))
    hospital.done(first, "call")
    hospital.done(second, "call")
    content = shown(board)
    assert_shape(content, CONTENT)
    for call in content["calls"]:
        assert_shape(call, CALL)
        assert call["room_name"] == room["name"]
    assert [(call["ticket"], call["kind"]) for call in content["calls"]] == [
        (second["ticket"], "CALL"),
        (first["ticket"], "CALL"),
    ]
    hospital.done(first, "recall")
    again = shown(board)
    assert [(call["ticket"], call["kind"]) for call in again["calls"]] == [
        (first["ticket"], "AGAIN"),
        (second["ticket"], "CALL"),
    ]
    assert again["calls"][0]["seq"] > content["calls"][0]["seq"]
    assert again["seq"] >= again["calls"][0]["seq"] > content["seq"]
    hospital.done(first, "start")
    assert [call["ticket"] for call in shown(board)["calls"]] == [second["ticket"]]


def test_at_most_eight_calls(hospital: Hospital) -> None:
    room = a_room(hospital)
    board, slot = by_key(hospital, a_board(hospital, rooms=[room["id"]])), a_slot(hospital, room, capacity=10)
    tokens = [hospital.done(hospital.token(slot, arrived=True), "call") for _ in range(10)]
    tickets = [call["ticket"] for call in shown(board)["calls"]]
    assert tickets == [token["ticket"] for token in reversed(tokens)][:8]


def test_those_who_were_missed_and_those_who_are_next(hospital: Hospital, clock: Any) -> None:
    room = a_room(hospital)
    board, slot = by_key(hospital, a_board(hospital, rooms=[room["id"]])), a_slot(hospital, room)
    tokens = [hospital.token(slot, arrived=True) for _ in range(5)]
    hospital.done(tokens[0], "call", "no_show")
    content = shown(board)
    assert content["missed"] == [tokens[0]["ticket"]]
    assert content["next"] == [{"room_name": room["name"], "tickets": [each["ticket"] for each in tokens[1:4]]}]
    clock.advance(minutes=21)
    assert shown(board)["missed"] == []


def test_a_booked_patient_who_has_not_arrived_is_not_next(hospital: Hospital) -> None:
    room = a_room(hospital)
    board, slot = by_key(hospital, a_board(hospital, rooms=[room["id"]])), a_slot(hospital, room)
    hospital.token(slot)
    assert shown(board)["next"] == []


def test_a_delay_is_noticed(hospital: Hospital) -> None:
    room = a_room(hospital)
    board, slot = by_key(hospital, a_board(hospital, rooms=[room["id"]])), a_slot(hospital, room)
    hospital.delay(slot, 25)
    assert shown(board)["notices"] == [{"room_name": room["name"], "kind": "DELAY", "minutes": 25}]


def test_a_pause_is_noticed_until_the_doctor_resumes(hospital: Hospital) -> None:
    room = a_room(hospital)
    board, slot = by_key(hospital, a_board(hospital, rooms=[room["id"]])), a_slot(hospital, room)
    hospital.desk.post(f"slots/{slot['id']}/begin/").expect(200)
    hospital.desk.post(f"slots/{slot['id']}/pause/", {"minutes": 10}).expect(200)
    assert shown(board)["notices"] == [{"room_name": room["name"], "kind": "PAUSE", "minutes": 10}]
    hospital.desk.post(f"slots/{slot['id']}/resume/").expect(200)
    assert shown(board)["notices"] == []


def test_boards_of_another_facility_answer_like_unknown_ones(hospital: Hospital) -> None:
    board, path = a_board(hospital), "boards/0192e0c5-9d3c-7e50-9b22-4d8f5c3e6071/"
    code = f"F{secrets.token_hex(4)}".upper()
    facility = hospital.admin.post("facilities/", {"name": unique("F"), "code": code, "time_zone": "Asia/Kolkata"})
    stranger = hospital.user("ADMIN", facility=facility.expect(201)["id"])
    unknown = stranger.get(path).expect(404)
    own = f"boards/{board['id']}/"
    assert stranger.get(own).expect(404) == unknown
    for write in ("PATCH ", "DELETE ", "POST key/", "DELETE pairing/"):
        method, _, below = write.partition(" ")
        assert stranger.call(method, own + below, {}).expect(404) == unknown
    assert stranger.get("boards/").expect(200)["results"] == []
    stranger.post("boards/", {"name": "Hall", "rooms": [a_room(hospital)["id"]]}).expect(404)
    hospital.admin.get(own).expect(200)


def test_a_board_of_some_rooms_shows_no_others_and_one_of_none_shows_all(hospital: Hospital) -> None:
    here, there = a_room(hospital), a_room(hospital)
    some, all_rooms = a_board(hospital, rooms=[here["id"]]), a_board(hospital)
    mine, other = (hospital.token(a_slot(hospital, room), arrived=True) for room in (here, there))
    nameless = hospital.token(a_slot(hospital), arrived=True)
    for token in (mine, other, nameless):
        hospital.done(token, "call")
    assert [call["ticket"] for call in shown(by_key(hospital, some))["calls"]] == [mine["ticket"]]
    calls = {call["ticket"]: call["room_name"] for call in shown(by_key(hospital, all_rooms))["calls"]}
    assert calls.items() >= {
        mine["ticket"]: here["name"], other["ticket"]: there["name"], nameless["ticket"]: None,
    }.items()  # fmt: skip


def test_the_doctors_name_is_shown_if_the_board_says_so(hospital: Hospital) -> None:
    room = a_room(hospital)
    board = a_board(hospital, rooms=[room["id"]])
    slot, api = a_slot(hospital, room), by_key(hospital, board)
    hospital.done(hospital.token(slot, arrived=True), "call")
    assert slot["doctor_name"] not in str(shown(api))
    hospital.admin.patch(f"boards/{board['id']}/", {"show_doctor_name": True}).expect(200)
    assert shown(api)["calls"][0]["doctor_name"] == slot["doctor_name"]


def test_a_board_that_has_the_content_gets_304(hospital: Hospital) -> None:
    room = a_room(hospital)
    board, slot = by_key(hospital, a_board(hospital, rooms=[room["id"]])), a_slot(hospital, room)
    tag = board.get("board/").headers["etag"]
    same = board.call("GET", "board/", headers={"If-None-Match": tag})
    assert (same.status, same.raw, same.headers["etag"]) == (304, b"", tag)
    hospital.done(hospital.token(slot, arrived=True), "call")
    assert board.call("GET", "board/", headers={"If-None-Match": tag}).status == 200


def test_a_board_reports_its_health_every_15_seconds(hospital: Hospital, clock: Any) -> None:
    board = a_board(hospital)
    api = by_key(hospital, board)
    api.post("board/health/", {"seq": 17, "audio": "failed", "visible": True}).expect(204)
    seen = hospital.desk.get(f"boards/{board['id']}/").expect(200)
    assert (seen["healthy"], seen["audio"]) == (True, "failed")
    clock.advance(seconds=60)
    assert hospital.desk.get(f"boards/{board['id']}/").expect(200)["healthy"] is True
    clock.advance(seconds=1)
    assert hospital.desk.get(f"boards/{board['id']}/").expect(200)["healthy"] is False


@pytest.mark.parametrize("field", ["seq", "audio", "visible"])
def test_a_bad_report_is_refused(hospital: Hospital, field: str) -> None:
    api, good = by_key(hospital, a_board(hospital)), {"seq": 17, "audio": "on", "visible": True}
    api.post("board/health/", good | {field: "?"}).expect(400)
    api.post("board/health/", {name: value for name, value in good.items() if name != field}).expect(400)
    api.post("board/health/", good | {"volume": 3}).expect(400)


def test_a_new_key_revokes_the_one_before_and_a_repeat_gets_the_same(hospital: Hospital) -> None:
    board = a_board(hospital)
    old = by_key(hospital, board)
    path, headers = f"boards/{board['id']}/key/", {"Idempotency-Key": secrets.token_hex(8)}
    first = hospital.admin.post(path, headers=headers).expect(200)
    assert hospital.admin.post(path, headers=headers).expect(200) == first
    old.get("board/").expect(401)
    shown(Api(hospital.wire, f"Board {first['key']}"))
    hospital.admin.delete(f"boards/{board['id']}/").expect(204)
    Api(hospital.wire, f"Board {first['key']}").get("board/").expect(401)


class Browser:
    """A screen with a cookie jar."""

    def __init__(self, hospital: Hospital, kind: str = "board") -> None:
        self.api, self.kind, self.cookie = hospital.nobody, kind, ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {"Cookie": self.cookie, **headers} if self.cookie else headers
        answer = self.api.call(method, path, body, headers=sent)
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].split(";")[0]
        return answer

    def code(self) -> str:
        code: str = self.call("POST", f"{self.kind}/pairing/", {}).expect(201)["code"]
        return code


def test_a_screen_is_paired_by_the_code_that_it_shows(hospital: Hospital) -> None:
    screen, board = Browser(hospital), a_board(hospital)
    asked = screen.call("POST", "board/pairing/", {})
    code = asked.expect(201)["code"]
    assert len(code) == 6
    cookie = asked.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert screen.call("GET", "board/pairing/").expect(200)["paired"] is False
    screen.call("GET", "board/").expect(401)
    assert_shape(hospital.admin.post(f"boards/{board['id']}/pair/", {"code": code.lower()}).expect(200), BOARD)
    assert screen.call("GET", "board/pairing/").expect(200) == {"paired": True, "expires_at": None}
    assert screen.call("GET", "board/").expect(200)["board"]["id"] == board["id"]
    screen.call("POST", "board/health/", {"seq": 1, "audio": "on", "visible": True}).expect(204)
    other = a_board(hospital)
    hospital.admin.post(f"boards/{other['id']}/pair/", {"code": code}).expect(400)
    hospital.admin.delete(f"boards/{board['id']}/pairing/").expect(204)
    screen.call("GET", "board/").expect(401)
    assert screen.call("GET", "board/pairing/").expect(200)["paired"] is False


def test_a_code_is_valid_for_ten_minutes(hospital: Hospital, clock: Any) -> None:
    screen, board = Browser(hospital), a_board(hospital)
    code = screen.code()
    clock.advance(minutes=10)
    hospital.admin.post(f"boards/{board['id']}/pair/", {"code": code}).expect(400)
    code = screen.code()
    clock.advance(minutes=9, seconds=59)
    hospital.admin.post(f"boards/{board['id']}/pair/", {"code": code}).expect(200)


def test_a_new_screen_replaces_the_one_before(hospital: Hospital) -> None:
    old, new, board = Browser(hospital), Browser(hospital), a_board(hospital)
    for screen in (old, new):
        hospital.admin.post(f"boards/{board['id']}/pair/", {"code": screen.code()}).expect(200)
    old.call("GET", "board/").expect(401)
    new.call("GET", "board/").expect(200)


def test_a_page_of_another_host_cannot_use_the_cookie(hospital: Hospital) -> None:
    screen, board = Browser(hospital), a_board(hospital)
    hospital.admin.post(f"boards/{board['id']}/pair/", {"code": screen.code()}).expect(200)
    report = {"seq": 1, "audio": "on", "visible": True}
    screen.call("POST", "board/health/", report, Origin="https://evil.example").expect(403)
    screen.call("POST", "board/pairing/", {}, Origin="https://evil.example").expect(403)
    screen.call("GET", "board/").expect(200)


def test_guesses_of_a_code_are_throttled(hospital: Hospital) -> None:
    board, admin = a_board(hospital), hospital.user("ADMIN")
    for _ in range(10):
        admin.post(f"boards/{board['id']}/pair/", {"code": "AAAAAA"}).expect(400)
    code = Browser(hospital).code()
    admin.post(f"boards/{board['id']}/pair/", {"code": code}).expect(429, "throttled")
    hospital.admin.post(f"boards/{board['id']}/pair/", {"code": code}).expect(429, "throttled")
    admin.post(f"boards/{a_board(hospital)['id']}/pair/", {"code": code}).expect(429, "throttled")
    hospital.admin.post(f"boards/{a_board(hospital)['id']}/pair/", {"code": code}).expect(200)
