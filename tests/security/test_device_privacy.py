"""Nothing personal leaves through boards, kiosks and tracking links, and their credentials open nothing else."""

import logging
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.access.permission_table import DEVICE_PERMISSIONS
from tests.factories import first_admin
from tests.security.openapi_operations import OPEN, create_objects, operations
from tests.support.api import Answer, Api, in_process
from tests.support.hospital import PASSWORD, Hospital

pytestmark = pytest.mark.django_db(transaction=True)

NAME, OTHER_NAME = "Zaphyra Canarywala", "Quillon Canarysson"
PHONE, OTHER_PHONE = "+919845067183", "+919845092746"
REASON = "Canary in the coal mine"


@pytest.fixture
def hospital() -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


class Waiting:
    """A slot with a patient who has a link, another patient, and an emergency; a board and a kiosk."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.slot = hospital.slot(start=hospital.now() + timedelta(minutes=30), capacity=9)
        facts: dict[str, Any] = {"date_of_birth": "1958-04-17", "needs_assistance": True}
        mine = hospital.patient(name=NAME, phone=PHONE, **facts)
        other = hospital.patient(name=OTHER_NAME, phone=OTHER_PHONE, **facts)
        self.token, self.other = hospital.token(self.slot, mine), hospital.token(self.slot, other, arrived=True)
        self.emergency = hospital.emergency(self.slot, reason=REASON)
        self.code = hospital.desk.post(f"tokens/{self.token['id']}/link/").expect(201)["code"]
        self.board, self.kiosk = self.device("board"), self.device("kiosk")

    def device(self, kind: str) -> Api:
        made = self.hospital.admin.post(f"{kind}s/", {"name": "Hall"}).expect(201)
        key = self.hospital.admin.post(f"{kind}s/{made['id']}/key/").expect(200)["key"]
        return Api(self.hospital.wire, f"{kind.title()} {key}")

    @property
    def secrets(self) -> list[str]:
        """Return what no answer may contain."""
        tokens = (self.token, self.other, self.emergency)
        names = [*NAME.split(), *OTHER_NAME.split(), REASON, "1958"]
        phones = [PHONE, OTHER_PHONE, PHONE[-4:], OTHER_PHONE[-4:]]
        ids = [token[name] for token in tokens for name in ("id", "patient", "slot")]
        return [*names, *phones, *ids, "EMERGENCY", "WALKIN", self.code]


def bytes_of(answer: Answer) -> str:
    return f"{answer.raw.decode()} {dict(answer.headers)}"


def through_links(day: Waiting) -> list[Answer]:
    nobody, path = day.hospital.nobody, f"track/{day.code}/"
    answers = [nobody.get(path), nobody.post(f"{path}let_pass/", {"places": 99})]
    answers += [nobody.post(f"{path}let_pass/", {"places": 2}), nobody.post(f"{path}nothing/")]
    answers += [nobody.post(f"{path}check_in/", {"x": day.code}), nobody.post(f"{path}check_in/"), nobody.get(path)]
    answers += [nobody.post(f"{path}let_pass/", {"places": 2}), nobody.post(f"{path}cancel/"), nobody.get(path)]
    answers += [nobody.delete(path), nobody.get("track/unknown/"), nobody.post(f"{path}check_in/")]
    return answers


def through_kiosks(day: Waiting) -> list[Answer]:
    by_ticket = {"ticket": day.other["ticket"], "phone_last4": OTHER_PHONE[-4:]}
    bodies: list[Any] = [{"scan": day.code}, {"scan": day.code}, by_ticket, {}, {**by_ticket, "phone_last4": "0000"}]
    bodies += [{"scan": "x"}, {"scan": day.token["id"]}, {"name": "x"}, {"ticket": by_ticket["ticket"]}]
    answers = [day.kiosk.post("kiosk/check_in/", body) for body in bodies]
    return [*answers, day.kiosk.get("kiosk/presence/"), day.kiosk.get("kiosk/check_in/")]


def through_boards(day: Waiting) -> list[Answer]:
    hospital = day.hospital
    answers = [day.board.get("board/")]
    hospital.done(day.other, "call")
    hospital.done(day.emergency, "call", "no_show")
    hospital.delay(day.slot, 20)
    answers += [day.board.get("board/"), day.board.post("board/", {}), day.board.get("board/pairing/")]
    reports: list[Any] = [{"seq": 1, "audio": "on", "visible": True}, {"audio": "x"}]
    return [*answers, *(day.board.post("board/health/", report) for report in reports)]


@pytest.mark.parametrize("through", [through_links, through_kiosks, through_boards])
def test_no_answer_and_no_log_line_contains_anything_personal(
    hospital: Hospital, through: Callable[[Waiting], list[Answer]], caplog: pytest.LogCaptureFixture
) -> None:
    day = Waiting(hospital)
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        answers = through(day)
    assert any(answer.status < 300 for answer in answers)
    assert any(answer.status >= 400 for answer in answers)
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith("django.db")]
    for text in (*map(bytes_of, answers), *lines):
        assert [secret for secret in day.secrets if secret in text] == [], text
    if through is through_links:
        others = (day.other["ticket"], day.emergency["ticket"])
        assert [ticket for ticket in others for answer in answers if ticket in bytes_of(answer)] == []


def test_canary_the_desk_sees_all_of_it(hospital: Hospital) -> None:
    day = Waiting(hospital)
    seen = bytes_of(hospital.desk.get(f"slots/{day.slot['id']}/tokens/")) + bytes_of(hospital.desk.get("patients/"))
    assert [secret for secret in day.secrets if secret not in seen] == [REASON, day.code]


@pytest.mark.parametrize("kind", ["board", "kiosk"])
def test_the_key_of_a_device_opens_nothing_else(hospital: Hospital, kind: str) -> None:
    things = create_objects(hospital)
    api, tried = Waiting(hospital).device(kind), 0
    for operation in operations():
        if operation.capability == OPEN or DEVICE_PERMISSIONS.get(operation.capability) == kind:
            continue
        answer = api.call(operation.method, operation.address(things), operation.example)
        answer.expect(403, "permission-denied")
        tried += 1
    assert tried > 80


def test_the_code_of_a_link_is_no_credential(hospital: Hospital) -> None:
    things, day = create_objects(hospital), Waiting(hospital)
    for operation in operations():
        if operation.capability == OPEN:
            continue
        for scheme in ("Bearer", "Api-Key", "Board", "Kiosk"):
            api = Api(hospital.wire, f"{scheme} {day.code}")
            answer = api.call(operation.method, operation.address(things), operation.example)
            answer.expect(401, "not-authenticated")


def test_every_other_credential_is_refused_at_boards_and_kiosks(hospital: Hospital) -> None:
    day, doctor, patient = Waiting(hospital), hospital.doctor(), hospital.patient()
    people = [hospital.admin, hospital.desk, hospital.doctor_user(doctor), hospital.patient_user(patient)]
    callers = {
        "board": [*people, hospital.key("operate"), day.kiosk],
        "kiosk": [*people, hospital.key("operate"), day.board],
    }
    tried = 0
    for operation in operations():
        for kind, refused in callers.items():
            if DEVICE_PERMISSIONS.get(operation.capability) != kind:
                continue
            for caller in refused:
                caller.call(operation.method, operation.path, operation.example).expect(403, "permission-denied")
                tried += 1
            hospital.nobody.call(operation.method, operation.path, operation.example).expect(401)
            unknown = Api(hospital.wire, f"{kind.title()} opd_{kind}_{secrets.token_urlsafe(24)}")
            unknown.call(operation.method, operation.path, operation.example).expect(401)
    assert tried == 24


def test_a_key_stays_with_its_device(hospital: Hospital) -> None:
    boards = [hospital.admin.post("boards/", {"name": name}).expect(201) for name in "AB"]
    for board in boards:
        key = hospital.admin.post(f"boards/{board['id']}/key/").expect(200)["key"]
        api = Api(hospital.wire, f"Board {key}")
        assert api.get("board/").expect(200)["board"]["name"] == board["name"]
        Api(hospital.wire, f"Kiosk {key}").get("kiosk/presence/").expect(401)
