"""One-time codes sent through a local SMTP server."""

import time
from collections.abc import Iterator
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from accounts import mail
from accounts.auth import registration
from accounts.models import OneTimeCode, User
from tests.factories import ensure_facility


class Box:
    """Stores the received messages."""

    def __init__(self) -> None:
        self.arrived: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.arrived.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 OK"


class FreePortServer(Controller):
    """Listens on a free port."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def box(settings: Any) -> Iterator[Box]:
    kept = Box()
    controller = FreePortServer(kept, hostname="127.0.0.1", port=0)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = controller.port
    settings.OPD_MAIL_IN_BACKGROUND = True
    yield kept
    controller.stop()


def wait_for(box: Box, count: int) -> None:
    deadline = time.monotonic() + 5
    while len(box.arrived) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(box.arrived) == count


@pytest.mark.django_db
def test_a_code_arrives_and_opens(box: Box) -> None:
    registration.request_registration(
        email="asha@mail.example",
        password="seven-white-lotus",
        name="Asha Rao",
        phone="+91 98450 11223",
        sender="10.0.0.1",
    )
    wait_for(box, 1)
    (to, message) = box.arrived[0]
    assert to == ["asha@mail.example"]
    code = message["Subject"].split()[-1]
    assert code in message.get_payload()
    assert registration.register(email="asha@mail.example", otp=code, sender="10.0.0.1").email == "asha@mail.example"


@pytest.mark.django_db
def test_a_mail_server_that_is_away_breaks_nothing(settings: Any, caplog: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    settings.OPD_MAIL_IN_BACKGROUND = False
    registration.request_registration(
        email="canary@mail.example", password="seven-white-lotus", name="C", phone="12345", sender="10.0.0.1"
    )
    assert OneTimeCode.objects.count() == 1
    assert "mail_not_sent" in caplog.text
    assert "canary" not in caplog.text


def test_a_line_break_makes_no_header(settings: Any) -> None:
    settings.OPD_FACILITY_NAME = "OPD\r\nBcc: everybody@mail.example"
    mail.send(template="reset", address="asha@mail.example", code="004217")
    from django.core.mail import outbox

    assert outbox[0].recipients() == ["asha@mail.example"]
    assert "\n" not in outbox[0].subject


@pytest.mark.django_db
def test_a_mail_names_the_facility_as_it_shows_itself(settings: Any) -> None:
    from django.core.mail import outbox

    settings.OPD_MAIL_IN_BACKGROUND = False
    first = ensure_facility()
    other = type(first).objects.create(name="Internal 7", display_name="City Clinic", code="CITY", time_zone="UTC")
    facts = {"password": "seven-white-lotus", "name": "C", "phone": "12345", "sender": "10.0.0.1"}
    registration.request_registration(email="a@mail.example", facility_id=other.pk, **facts)
    assert "register with City Clinic" in outbox[-1].body
    User.objects.create_user("boss", "boss@mail.example", role="ADMIN", facility=other)
    registration.request_password_reset(email="boss@mail.example", sender="10.0.0.1")
    assert "at City Clinic" in outbox[-1].body
    type(first).objects.filter(pk=first.pk).update(display_name="Old Town")
    registration.request_registration(email="b@mail.example", facility_id=first.pk, **facts)
    assert "register with Old Town" in outbox[-1].body
