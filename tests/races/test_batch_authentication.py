"""Authentication runs before a request joins a batch, so a refused request never reaches one."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from events.models import Event
from tests.factories import first_admin
from tests.races.interleaving import together
from tests.support.api import Answer, Api, in_process
from tests.support.hospital import PASSWORD, Hospital
from tokens.engine import batch
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)

Json = dict[str, Any]


@pytest.fixture(params=[True, False], ids=["in batches", "one by one"], autouse=True)
def combine(request: pytest.FixtureRequest, settings: Any) -> None:
    settings.OPD_COMBINE = request.param


@pytest.fixture
def hospital() -> Hospital:
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the actors of the requests that reached a batch."""
    actors: list[str] = []
    serve = batch.serve

    def noted(request: Any, **facts: Any) -> Any:
        actors.append(request.actor)
        return serve(request, **facts)

    monkeypatch.setattr(batch, "serve", noted)
    return actors


def id_of(api: Api) -> str:
    return str(api.get("auth/me/").expect(200)["id"])


def ended(hospital: Hospital) -> Api:
    """A desk whose account was closed; its access token still has a valid signature."""
    desk = hospital.user("FRONT_DESK")
    hospital.admin.patch(f"users/{id_of(desk)}/", {"is_active": False}).expect(200)
    desk.renew = None
    return desk


def demoted(hospital: Hospital) -> Api:
    """A desk user whose role was changed to DOCTOR after signing in."""
    desk = hospital.user("FRONT_DESK")
    User.objects.filter(id=id_of(desk)).update(role="DOCTOR")
    return desk


REFUSED: dict[str, Callable[[Hospital], Api]] = {
    "ended session": ended,
    "demoted": demoted,
    "nobody": lambda hospital: hospital.nobody,
    "key to read": lambda hospital: hospital.key("read"),
    "another patient": lambda hospital: hospital.patient_user(hospital.patient()),
}


@pytest.mark.parametrize("who", REFUSED)
def test_a_refused_caller_reaches_no_batch(hospital: Hospital, reached: list[str], who: str) -> None:
    """Refused callers and a desk book and cancel at the same moment; only the desk's requests succeed."""
    caller, slot = REFUSED[who](hospital), hospital.slot(capacity=9)
    token, kept = hospital.token(slot), hospital.token(slot)
    patients = [hospital.patient() for _ in range(4)]
    desk, events = f"user:{id_of(hospital.desk)}", Event.objects.count()
    reached.clear()

    def book(by: Api, patient: Json) -> Answer:
        body = {"slot_id": slot["id"], "patient_id": patient["id"], "category": "WALKIN"}
        return Api(in_process(), by.authorization).post("tokens/", body)

    def cancel(by: Api, token: Json) -> Answer:
        return Api(in_process(), by.authorization).delete(f"tokens/{token['id']}/")

    answers = together(
        [
            *(lambda each=each: book(caller, each) for each in patients[:2]),
            lambda: cancel(caller, kept),
            *(lambda each=each: book(hospital.desk, each) for each in patients[2:]),
            lambda: cancel(hospital.desk, token),
        ]
    )
    assert all(answer.status in (401, 403, 404) for answer in answers[:3]), [str(each) for each in answers[:3]]
    assert [answer.status for answer in answers[3:]] == [201, 201, 200]
    assert reached == [desk] * 3
    assert Event.objects.count() == events + 3
    assert hospital.read(kept)["status"] == "CONFIRMED"
    assert Token.objects.filter(slot_id=slot["id"], status="CONFIRMED").count() == 3
