"""Personal data appear in no log, metric, Redis key, task queue or event."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.core import mail
from django.test import Client

from accounts.audit.security_log import digest
from accounts.models import ReadTrail
from events.models import Event
from tests.support.hospital import PASSWORD, Hospital

NAME, PHONE, EMAIL, REASON = "Canaria Xanthippe", "+919000777555", "canary.bird@mail.example", "canary song"
CANARIES = ("canar", "xanthippe", "9000777555", "90007 77555", PASSWORD.lower(), "seven-white-lotus")


def _redis_content(client: Any) -> Iterator[bytes]:
    for key in client.scan_iter():
        yield key
        match client.type(key):
            case b"string":
                yield client.get(key) or b""
            case b"list":
                yield from client.lrange(key, 0, -1)
            case b"hash":
                yield from (part for pair in client.hgetall(key).items() for part in pair)
            case b"set":
                yield from client.smembers(key)
            case b"zset":
                yield from client.zrange(key, 0, -1)


def _live_a_day(hospital: Hospital) -> None:
    """Run every operation on personal data, including failed requests."""
    facts = {"name": NAME, "phone": PHONE, "email": EMAIL, "date_of_birth": "1950-01-01"}
    patient = hospital.patient(**facts)
    hospital.desk.post("patients/", facts).expect(409, "duplicate-patient")
    hospital.desk.post("patients/", {**facts, "phone": "canary"}).expect(400)
    hospital.desk.get("patients/", search=NAME).expect(200)
    hospital.desk.get(f"patients/?search={PHONE[1:]}&canary={NAME.split()[0]}")
    hospital.desk.get(f"patients/{NAME.split()[0]}/").expect(404)
    hospital.desk.get(f"{NAME.split()[0]}/").expect(404)
    hospital.desk.patch(f"patients/{patient['id']}/", {"needs_assistance": True}).expect(200)
    doctor = hospital.doctor(name=f"Dr {NAME}", email=EMAIL, phone=PHONE)
    slot = hospital.slot(doctor, capacity=1)
    token = hospital.token(slot, patient)
    hospital.entry(slot, hospital.patient(name=f"{NAME} II", phone=PHONE))
    hospital.emergency(slot, hospital.patient(name=f"{NAME} III", phone=PHONE), reason=REASON)
    hospital.do(token, "check_in").expect(200)
    hospital.do(token, "cancel").expect(200)
    hospital.desk.post(f"slots/{slot['id']}/cancel/", {"reason": REASON}).expect(200)
    hospital.desk.get("reports/daily/", date=slot["start_time"][:10]).expect(200)

    somebody = {"email": EMAIL, "password": "seven-white-lotus", "name": NAME, "phone": PHONE}
    hospital.nobody.post("auth/register/", somebody).expect(202)
    otp = mail.outbox[-1].subject.split()[-1]
    hospital.nobody.post("auth/register/verify/", {"email": EMAIL, "otp": "000000"})
    hospital.nobody.post("auth/register/verify/", {"email": EMAIL, "otp": otp}).expect(201)
    hospital.nobody.post("auth/register/", somebody).expect(202)
    hospital.nobody.post("auth/password/forgot/", {"email": EMAIL}).expect(202)
    hospital.nobody.post("auth/token/", {"username": EMAIL, "password": "canary-wrong"}).expect(401)
    hospital.nobody.post("auth/token/", {"username": f"canary\r\n{NAME}", "password": "x"}).expect(401)
    hospital.nobody.post("auth/token/", {"username": EMAIL, "password": "seven-white-lotus"}).expect(200)
    hospital.nobody.post("auth/token/", {"username": EMAIL, "canary": NAME}).expect(400)
    hospital.patient_user(patient)


@pytest.mark.django_db
def test_nothing_of_a_person_leaks(
    hospital: Hospital, settings: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    settings.OPD_THROTTLING = True
    store = redis.Redis.from_url(settings.REDIS_URL)
    with caplog.at_level("DEBUG"):
        _live_a_day(hospital)
    printed = capfd.readouterr()
    places = {
        "log": "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("faker")),
        "stderr": printed.err,
        "stdout": printed.out,
        "metrics": Client().get("/metrics").content.decode(),
        "redis": b"\n".join(_redis_content(store)).decode(errors="replace"),
        "events": "\n".join(f"{each.type} {each.actor} {each.data}" for each in Event.objects.all()),
        "read trail": "\n".join(f"{each.actor} {each.what} {each.request_id}" for each in ReadTrail.objects.all()),
    }
    assert places["log"]
    assert places["events"]
    for place, text in places.items():
        for canary in CANARIES:
            assert canary not in text.lower(), f"{canary!r} in the {place}"


def test_what_is_counted_under_a_digest_cannot_be_guessed_without_the_key(settings: Any) -> None:
    here = digest("sign-in", "asha@mail.example")
    settings.SECRET_KEY = "another" * 10
    assert digest("sign-in", "asha@mail.example") != here
    assert digest("a", "bc") != digest("ab", "c")
