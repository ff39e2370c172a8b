"""Section 15: kiosks."""

import secrets
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.test_15_boards import Browser
from tests.support.api import Api
from tests.support.hospital import Hospital, unique, when
from tests.support.shapes import assert_shape, moment, or_null, text, uuid, yes_no

Json = dict[str, Any]
KIOSK = {"id": uuid, "name": text, "languages": lambda tags: all(map(text, tags)), "healthy": yes_no,
         "last_seen": or_null(moment)}  # fmt: skip
SEE_DESK = {"outcome": "SEE_DESK"}


def a_kiosk(hospital: Hospital) -> Api:
    kiosk = hospital.admin.post("kiosks/", {"name": unique("Entrance")}).expect(201)
    assert_shape(kiosk, KIOSK)
    return by_key(hospital, kiosk)


def by_key(hospital: Hospital, kiosk: Json) -> Api:
    key = hospital.admin.post(f"kiosks/{kiosk['id']}/key/").expect(200)["key"]
    return Api(hospital.wire, f"Kiosk {key}")


def a_slot(hospital: Hospital, minutes: float = 30, **facts: Any) -> Json:
    """Return a slot that starts in so many minutes."""
    return hospital.slot(start=hospital.now() + timedelta(minutes=minutes), **facts)


def a_token(hospital: Hospital, slot: Json | None = None, **facts: Any) -> Json:
    return hospital.token(slot or a_slot(hospital), **facts)


def digits(hospital: Hospital, token: Json) -> str:
    number: str = hospital.desk.get(f"patients/{token['patient']}/").expect(200)["phone"]
    return number[-4:]


def link_of(hospital: Hospital, token: Json) -> Json:
    return hospital.desk.post(f"tokens/{token['id']}/link/").expect(201)


def scan(kiosk: Api, text_: str) -> Json:
    return kiosk.post("kiosk/check_in/", {"scan": text_}).expect(200)


def enter(kiosk: Api, ticket: str, last4: str) -> Json:
    return kiosk.post("kiosk/check_in/", {"ticket": ticket, "phone_last4": last4}).expect(200)


def wrong(last4: str) -> str:
    return f"{(int(last4) + 1) % 10_000:04d}"


def arrivals(hospital: Hospital, token: Json) -> list[Json]:
    events = hospital.desk.get("events/", token=token["id"]).expect(200)["results"]
    return [each for each in events if each["type"] == "token.checked_in"]


@pytest.mark.parametrize("how", ["url", "code", "ticket"])
def test_a_patient_arrives_once_and_then_is_here_already(hospital: Hospital, how: str) -> None:
    kiosk, slot = a_kiosk(hospital), a_slot(hospital)
    hospital.token(slot, arrived=True)
    token = a_token(hospital, slot)
    link = link_of(hospital, token)
    body = (
        {"scan": link[how]} if how != "ticket" else {"ticket": token["ticket"], "phone_last4": digits(hospital, token)}
    )
    arrived = kiosk.post("kiosk/check_in/", body).expect(200)
    assert arrived == {"outcome": "ARRIVED", "ticket": token["ticket"], "ahead": 1, "room_name": None}
    assert hospital.read(token)["status"] == "CHECKED_IN"
    assert kiosk.post("kiosk/check_in/", body).expect(200) == arrived | {"outcome": "ALREADY"}
    [event] = arrivals(hospital, token)
    assert event["actor"].startswith("kiosk:")


def test_a_called_patient_is_told_the_room(hospital: Hospital) -> None:
    kiosk, slot, code = a_kiosk(hospital), a_slot(hospital), f"R{secrets.token_hex(4)}"
    room = hospital.admin.post("rooms/", {"name": "Room 4", "code": code}).expect(201)
    hospital.desk.patch(f"slots/{slot['id']}/", {"rooms": [room["id"]]}).expect(200)
    token = a_token(hospital, slot, arrived=True)
    hospital.done(token, "call")
    told = scan(kiosk, link_of(hospital, token)["code"])
    assert told == {"outcome": "ALREADY", "ticket": token["ticket"], "ahead": None, "room_name": "Room 4"}


def test_a_patient_is_early_before_check_in_opens(hospital: Hospital, clock: Any) -> None:
    clock.set(hospital.at("08:00", day=0))
    kiosk, slot = a_kiosk(hospital), hospital.slot(start=hospital.at("10:00", day=0))
    token = a_token(hospital, slot)
    code = link_of(hospital, token)["code"]
    clock.set(when(slot["start_time"]) - timedelta(minutes=60, seconds=1))
    assert scan(kiosk, code)["outcome"] == "EARLY"
    assert hospital.read(token)["status"] == "CONFIRMED"
    clock.advance(seconds=1)
    assert scan(kiosk, code)["outcome"] == "ARRIVED"


def test_every_reason_to_see_the_desk_gives_the_same_bytes(hospital: Hospital) -> None:
    cancelled, token = a_token(hospital), a_token(hospital)
    tomorrow = a_token(hospital, hospital.slot(start=hospital.at("12:00", day=2)))
    revoked = link_of(hospital, token)["code"]
    link_of(hospital, token)
    codes = [link_of(hospital, each)["code"] for each in (cancelled, tomorrow)]
    hospital.do(cancelled, "cancel").expect(200)
    last4 = digits(hospital, token)
    bodies: list[Json] = [
        {"ticket": "ZZZ-999", "phone_last4": last4},
        {"ticket": token["ticket"], "phone_last4": wrong(last4)},
        {"ticket": cancelled["ticket"], "phone_last4": digits(hospital, cancelled)},
        {"ticket": tomorrow["ticket"], "phone_last4": digits(hospital, tomorrow)},
        *({"scan": text_} for text_ in ("nonsense", "A" * 32, revoked, *codes)),
    ]
    answers = [a_kiosk(hospital).post("kiosk/check_in/", body) for body in bodies]
    assert {answer.raw for answer in answers} == {b'{"outcome":"SEE_DESK"}'}
    headers = [dict(answer.headers) | {"x-request-id": "same"} for answer in answers]
    assert all(each == headers[0] for each in headers)


def test_five_failures_in_five_minutes_lock_the_kiosk_for_five_minutes(hospital: Hospital, clock: Any) -> None:
    kiosk, other = a_kiosk(hospital), a_kiosk(hospital)
    slot = a_slot(hospital)
    token = a_token(hospital, slot)
    last4 = digits(hospital, token)
    for _ in range(4):
        assert enter(kiosk, token["ticket"], wrong(last4)) == SEE_DESK
    clock.advance(minutes=5)
    assert enter(kiosk, token["ticket"], wrong(last4)) == SEE_DESK  # the four before are too old
    for _ in range(4):
        assert scan(kiosk, "A" * 32) == SEE_DESK
    code = link_of(hospital, token)["code"]
    assert scan(kiosk, code) == SEE_DESK
    assert enter(kiosk, token["ticket"], last4) == SEE_DESK
    assert hospital.read(token)["status"] == "CONFIRMED"
    clock.advance(minutes=4, seconds=59)
    assert scan(kiosk, code) == SEE_DESK
    assert enter(other, token["ticket"], last4)["outcome"] == "ARRIVED"
    clock.advance(seconds=1)
    assert scan(kiosk, code)["outcome"] == "ALREADY"


def test_guesses_at_one_ticket_are_limited_over_all_kiosks(hospital: Hospital) -> None:
    token = a_token(hospital)
    last4 = digits(hospital, token)
    for _ in range(4):
        kiosk = a_kiosk(hospital)
        for _ in range(3):
            assert enter(kiosk, token["ticket"], wrong(last4)) == SEE_DESK
    assert enter(a_kiosk(hospital), token["ticket"], last4) == SEE_DESK
    assert scan(a_kiosk(hospital), link_of(hospital, token)["code"])["outcome"] == "ARRIVED"


def test_parallel_guesses_cannot_exceed_the_limit(hospital: Hospital) -> None:
    """Of 12 guesses at once, one of them right, at most five are verified; so the right one counts only if it is."""
    kiosk, token = a_kiosk(hospital), a_token(hospital)
    last4 = digits(hospital, token)

    def guess(api: Api, number: int) -> Any:
        return api.post("kiosk/check_in/", {"ticket": f"NO-{number:03d}", "phone_last4": last4})

    answers = hospital.concurrently(12, guess, by=kiosk)
    assert [answer.expect(200) for answer in answers] == [SEE_DESK] * 12
    assert enter(kiosk, token["ticket"], last4) == SEE_DESK


def test_a_patient_without_a_phone_sees_the_desk(hospital: Hospital) -> None:
    patient = hospital.desk.post("patients/", {"name": unique("Nobody"), "phone": None, "no_phone": True}).expect(201)
    token = a_token(hospital, patient=patient)
    for last4 in ("0000", "9999"):
        assert enter(a_kiosk(hospital), token["ticket"], last4) == SEE_DESK


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ticket": "A1-001"},
        {"phone_last4": "1234"},
        {"scan": "x", "ticket": "A1-001", "phone_last4": "1234"},
        {"ticket": "A1-001", "phone_last4": "12"},
        {"ticket": "A1-001", "phone_last4": "12a4"},
        {"ticket": "A1-001", "phone_last4": 1234},
        {"scan": "x", "name": "y"},
    ],
)
def test_a_bad_body_is_refused(hospital: Hospital, body: Json) -> None:
    a_kiosk(hospital).post("kiosk/check_in/", body).expect(400, "validation-error")


def test_a_repeated_request_gets_the_same_answer(hospital: Hospital) -> None:
    kiosk, code = a_kiosk(hospital), link_of(hospital, a_token(hospital))["code"]
    headers = {"Idempotency-Key": "once"}
    first = kiosk.post("kiosk/check_in/", {"scan": code}, headers=headers).expect(200)
    again = kiosk.post("kiosk/check_in/", {"scan": code}, headers=headers)
    assert (again.expect(200), again.headers["Idempotency-Replayed"]) == (first, "true")
    assert first["outcome"] == "ARRIVED"


def test_a_paired_browser_is_a_kiosk_and_no_board(hospital: Hospital) -> None:
    kiosk = hospital.admin.post("kiosks/", {"name": "Entrance"}).expect(201)
    board = hospital.admin.post("boards/", {"name": "Hall"}).expect(201)
    screen = Browser(hospital, "kiosk")
    code = screen.code()
    hospital.admin.post(f"boards/{board['id']}/pair/", {"code": code}).expect(400)
    hospital.admin.post(f"kiosks/{kiosk['id']}/pair/", {"code": code}).expect(200)
    assert screen.call("POST", "kiosk/check_in/", {"scan": "x"}).expect(200) == SEE_DESK
    assert hospital.desk.get(f"kiosks/{kiosk['id']}/").expect(200)["healthy"] is True
    screen.call("GET", "board/").expect(401)
    hospital.admin.delete(f"kiosks/{kiosk['id']}/pairing/").expect(204)
    screen.call("POST", "kiosk/check_in/", {"scan": "x"}).expect(401)


def test_a_ticket_of_another_facility_is_unknown(hospital: Hospital) -> None:
    code = f"F{secrets.token_hex(4)}".upper()
    facility = hospital.admin.post("facilities/", {"name": unique("F"), "code": code, "time_zone": "Asia/Kolkata"})
    stranger = hospital.user("ADMIN", facility=facility.expect(201)["id"])
    made = stranger.post("kiosks/", {"name": "Far away"}).expect(201)
    key = stranger.post(f"kiosks/{made['id']}/key/").expect(200)["key"]
    kiosk = Api(hospital.wire, f"Kiosk {key}")
    token = a_token(hospital)
    assert enter(kiosk, token["ticket"], digits(hospital, token)) == SEE_DESK
    assert scan(kiosk, link_of(hospital, token)["code"]) == SEE_DESK
    hospital.admin.get(f"kiosks/{made['id']}/").expect(200)


@pytest.fixture
def presence_required(hospital: Hospital) -> Any:
    path = f"facilities/{hospital.facility['id']}/"
    hospital.admin.patch(path, {"rules": {"kiosk_presence": True}}).expect(200)
    yield
    hospital.admin.patch(path, {"rules": {"kiosk_presence": None}}).expect(200)


def test_the_kiosk_shows_no_code_unless_the_rule_is_on(hospital: Hospital) -> None:
    assert a_kiosk(hospital).get("kiosk/presence/").expect(200) == {"presence": None, "expires_at": None}


@pytest.mark.usefixtures("presence_required")
def test_the_link_checks_in_with_the_code_of_the_kiosk(hospital: Hospital, clock: Any) -> None:
    kiosk, token = a_kiosk(hospital), a_token(hospital)
    path = f"track/{link_of(hospital, token)['code']}/check_in/"
    shown = kiosk.get("kiosk/presence/").expect(200)
    assert timedelta() < when(shown["expires_at"]) - hospital.now() <= timedelta(seconds=60)
    assert hospital.nobody.post(path).codes == {"presence": "required"}
    assert hospital.nobody.post(path, {"presence": wrong(shown["presence"][-4:])}).codes == {"presence": "invalid-code"}
    clock.set(when(shown["expires_at"]) + timedelta(seconds=60))
    assert hospital.nobody.post(path, {"presence": shown["presence"]}).codes == {"presence": "invalid-code"}
    clock.set(when(shown["expires_at"]) + timedelta(seconds=59))
    assert kiosk.get("kiosk/presence/").expect(200)["presence"] != shown["presence"]
    assert hospital.nobody.post(path, {"presence": shown["presence"]}).expect(200)["status"] == "CHECKED_IN"


@pytest.mark.usefixtures("presence_required")
def test_guesses_of_the_presence_code_are_limited(hospital: Hospital) -> None:
    kiosk, token = a_kiosk(hospital), a_token(hospital)
    path = f"track/{link_of(hospital, token)['code']}/check_in/"
    code = kiosk.get("kiosk/presence/").expect(200)["presence"]
    for _ in range(5):
        hospital.nobody.post(path, {"presence": "x"}).expect(400)
    hospital.nobody.post(path, {"presence": code}).expect(429, "throttled")
