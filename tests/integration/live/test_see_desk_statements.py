"""Every SEE_DESK runs the same statements, so that its time does not reveal why; a locked kiosk runs them too."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import ensure_facility, first_admin
from tests.support.api import Api, in_process
from tests.support.hospital import PASSWORD, Hospital

pytestmark = pytest.mark.django_db(transaction=True)

VALUE = re.compile(r"(?:ARRAY\[[^]]*\]|'[^']*'|\b\d+\b|\bNULL\b)(?:(?:\[\])?::[a-z]+(?: with time zone)?(?:\[\])?)*")
Json = dict[str, Any]


@pytest.fixture
def hospital() -> Hospital:
    ensure_facility()
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


def a_kiosk(hospital: Hospital) -> Api:
    made = hospital.admin.post("kiosks/", {"name": "Entrance"}).expect(201)
    key = hospital.admin.post(f"kiosks/{made['id']}/key/").expect(200)["key"]
    return Api(hospital.wire, f"Kiosk {key}")


def statements(kiosk: Api, body: Json) -> list[str]:
    """Return the statements of a refused check-in without their values."""
    with CaptureQueriesContext(connection) as queries:
        assert kiosk.post("kiosk/check_in/", body).expect(200) == {"outcome": "SEE_DESK"}
    return [VALUE.sub("?", query["sql"]) for query in queries.captured_queries]


def a_token(hospital: Hospital, slot: Json, phone: str) -> tuple[Json, str]:
    token = hospital.token(slot, hospital.patient(phone=phone))
    return token, hospital.desk.post(f"tokens/{token['id']}/link/").expect(201)["code"]


def test_all_reasons_run_the_same_statements(hospital: Hospital) -> None:
    today = hospital.slot(start=hospital.now() + timedelta(minutes=30))
    token, revoked = a_token(hospital, today, "+919845060001")
    cancelled, of_cancelled = a_token(hospital, today, "+919845060002")
    later, of_later = a_token(hospital, hospital.slot(start=hospital.at("12:00", day=3)), "+919845060003")
    hospital.do(cancelled, "cancel").expect(200)
    hospital.desk.post(f"tokens/{token['id']}/link/").expect(201)
    by_ticket = [
        {"ticket": "NO-001", "phone_last4": "0001"},
        {"ticket": token["ticket"], "phone_last4": "9999"},
        {"ticket": cancelled["ticket"], "phone_last4": "0002"},
        {"ticket": later["ticket"], "phone_last4": "0003"},
    ]
    by_scan = [{"scan": scanned} for scanned in ("x", "A" * 32, revoked, of_cancelled, of_later)]
    for bodies in (by_ticket, by_scan):
        ran = [statements(a_kiosk(hospital), body) for body in bodies]
        for each in ran:
            assert each == ran[0]
        kiosk = a_kiosk(hospital)
        for _ in range(5):
            statements(kiosk, {"scan": "x"})
        locked = [statements(kiosk, body) for body in bodies]
        for each in locked:
            assert each == ran[0]
