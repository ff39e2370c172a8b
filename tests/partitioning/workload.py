"""A workload on a partitioned database: every operation, and every read that a desk repeats all day.

Played by test_partitioning.py in a run of its own, under the eyes of the plugin `watching`.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection

from clinics.models import Facility, Slot
from core import clock as engine_clock
from core.ids import new_id
from tests.factories import DoctorFactory, PatientFactory, ensure_facility, first_admin, stored_slot
from tests.partitioning.allowed import ALLOWED, LINK, LOOK_UP
from tests.partitioning.database import PARTS
from tests.partitioning.plan_watcher import Watch, partitions_of, watch
from tests.support.api import in_process
from tests.support.hospital import PASSWORD, Hospital
from tests.support.invariants import assert_invariants_hold
from tokens.engine import locate
from tokens.models import Token
from tokens.services import TokenAllocationService
from tokens.tasks import sweep

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hospital() -> Hospital:
    ensure_facility()
    return Hospital(in_process(), first_admin(PASSWORD).username, PASSWORD)


@contextmanager
def every_statement_in_one_partition(*, but: str = LOOK_UP) -> Iterator[None]:
    """Allow only id look-ups and `but` to scan several partitions, and start with no statements marked as seen."""
    before, spread = watch.looked_at.copy(), dict(watch.spread)
    watch.looked_at.clear()
    watch.allowed = {name: ALLOWED[name] for name in (LOOK_UP, but)}
    try:
        yield
        assert watch.looked_at, "nothing was watched"
        assert watch.spread == spread
    finally:
        watch.allowed = ALLOWED
        watch.looked_at |= before


def test_every_operation(hospital: Hospital, clock: Any) -> None:
    desk, admin = hospital.desk, hospital.admin
    with every_statement_in_one_partition():
        doctor = hospital.doctor()
        slot = hospital.slot(doctor, capacity=3, start=engine_clock.now() + timedelta(hours=1))
        path = f"slots/{slot['id']}/"
        first, held, missing = (hospital.token(slot, hold=hold) for hold in (False, True, False))
        (waiting, giving_up) = (hospital.entry(slot), hospital.entry(slot))

        def act(token: Any, action: str, **body: Any) -> Any:
            return desk.post(f"tokens/{token['id']}/{action}/", body).expect(200)

        act(held, "confirm")
        act(first, "check_in")
        act(missing, "no_show")
        act(missing, "reinstate")
        desk.delete(f"waiting-list/{giving_up['id']}/").expect(204)
        emergency = desk.post("tokens/emergency/", {"slot_id": slot["id"], "patient_id": hospital.patient()["id"]})
        act(emergency.expect(201)["token"], "triage", acuity=2)
        desk.post(path + "call_next/", {}).expect(200)
        act(first, "call")
        act(first, "requeue")
        act(first, "call")
        act(first, "start")
        act(first, "complete")
        key = {"Idempotency-Key": "once"}
        for _ in range(2):
            desk.delete(f"tokens/{held['id']}/", headers=key).expect(200)
        assert desk.patch(path, {"max_capacity": 4}).expect(200)["waiting_count"] == 0
        assert desk.get("tokens/", slot=slot["id"], patient=waiting["patient"]).expect(200)["count"] == 1
        desk.put(path + "delay/", {"delay_minutes": 20}).expect(200)
        desk.post(path + "close/", {}).expect(200)
        later = hospital.slot(doctor, start=engine_clock.now() + timedelta(hours=3))
        desk.post(f"slots/{later['id']}/cancel/", {}).expect(200)
        hospital.token(hospital.slot(doctor, start=engine_clock.now() + timedelta(hours=5)), hold=True)
    admin.delete(f"slots/{hospital.slot(doctor, start=engine_clock.now() + timedelta(days=9))['id']}/").expect(204)
    clock.advance(timedelta(hours=4))
    assert sweep() > 0
    assert_invariants_hold()
    call_command("verify_log")


def test_every_operation_on_visits(hospital: Hospital) -> None:
    desk = hospital.desk
    with every_statement_in_one_partition():
        doctor = hospital.doctor()
        slot = hospital.slot(doctor, capacity=5, start=engine_clock.now() + timedelta(minutes=30))
        later = hospital.slot(doctor, start=engine_clock.now() + timedelta(hours=2))
        first, second, third, kept, moving = (hospital.token(slot) for _ in range(5))
        hospital.do(kept, "buffer").expect(200)
        entry = hospital.entry(slot, by=hospital.key("book"))
        desk.post(f"waiting-list/{entry['id']}/seat/", {"reason": "Came from far away"}).expect(200)
        hospital.done(first, "check_in", "call", "recall", "skip", "undo", "start", "complete")
        hospital.done(second, "check_in")
        hospital.do(second, "step_out", {"reason": "LAB"}).expect(200)
        hospital.done(second, "step_in")
        hospital.do(third, "reclassify", {"category": "PRIORITY_PAID", "reason": "Paid"}).expect(200)
        hospital.do(moving, "move", {"slot_id": later["id"]}).expect(200)
    assert_invariants_hold()


def test_every_operation_on_sessions(hospital: Hospital) -> None:
    desk = hospital.desk
    with every_statement_in_one_partition():
        doctor = hospital.doctor()
        slot = hospital.slot(doctor, start=engine_clock.now() + timedelta(minutes=5))
        later = hospital.slot(doctor, start=engine_clock.now() + timedelta(hours=2))
        (_, here) = (hospital.token(slot), hospital.token(slot))
        hospital.done(here, "check_in")
        path = f"slots/{slot['id']}"
        desk.post(f"{path}/begin/").expect(200)
        desk.post(f"{path}/pause/", {"minutes": 10}).expect(200)
        desk.post(f"{path}/resume/").expect(200)
        desk.post(f"{path}/finish/", {"carry_over_to": later["id"]}).expect(200)
        desk.post(f"{path}/reopen/").expect(200)
    assert_invariants_hold()


def test_every_operation_on_links_and_devices(hospital: Hospital) -> None:
    nobody, kiosk, board = hospital.nobody, hospital.device("kiosk"), hospital.device("board")
    with every_statement_in_one_partition(but=LINK):
        slot = hospital.slot(start=engine_clock.now() + timedelta(minutes=5))
        first, second, third = (hospital.token(slot) for _ in range(3))
        codes = [hospital.desk.post(f"tokens/{token['id']}/link/").expect(201)["code"] for token in (first, second)]
        hospital.desk.get(f"patients/{third['patient']}/").expect(200)
        assert kiosk.post("kiosk/check_in/", {"scan": codes[0]}).expect(200)["outcome"] == "ARRIVED"
        assert kiosk.post("kiosk/check_in/", {"scan": codes[0]}).expect(200)["outcome"] == "ALREADY"
        kiosk.post("kiosk/check_in/", {"ticket": third["ticket"], "phone_last4": "0000"}).expect(200)
        nobody.get(f"track/{codes[0]}/").expect(200)
        nobody.post(f"track/{codes[0]}/let_pass/", {"places": 1}).expect(200)
        nobody.post(f"track/{codes[1]}/cancel/").expect(200)
        hospital.done(first, "call")
        board.get("board/").expect(200)
    assert_invariants_hold()


def test_the_reads_of_the_day(hospital: Hospital) -> None:
    slot = stored_slot(queue=5, waiting=2)
    doctor = hospital.doctor_user({"id": str(slot.doctor_id)})
    token = Token.objects.filter(slot=slot).first()
    assert token
    TokenAllocationService().check_in(token_id=token.id, actor="user:test")
    locate.facility_of_slot.cache_clear()
    with every_statement_in_one_partition():
        for api in (hospital.desk, doctor):
            assert len(api.get(f"slots/{slot.id}/tokens/").expect(200)) == 5
            assert len(api.get(f"slots/{slot.id}/tokens/", in_queue="true").expect(200)) == 5
            assert len(api.get("waiting-list/by_slot/", slot_id=slot.id).expect(200)) == 2
            assert api.get("waiting-list/", slot=slot.id).expect(200)["count"] == 2
            assert api.get("tokens/", slot=slot.id).expect(200)["count"] == 5
            api.get(f"slots/{slot.id}/").expect(200)
            api.get(f"tokens/{token.id}/").expect(200)
            api.get(f"tokens/{token.id}/explain/").expect(200)
        for query in ({"slot": slot.id}, {"token": token.id}):
            assert hospital.key("read").get("events/", **query).expect(200)["count"] == 1
        hospital.desk.get("reports/daily/").expect(200)


def test_lists_of_everything(hospital: Hospital) -> None:
    """A superuser, who acts in all facilities, reads all partitions; any other caller reads one."""
    stored_slot(queue=1, waiting=1)
    for caller in (hospital.admin, hospital.key("read")):
        everything = nullcontext() if caller is hospital.admin else every_statement_in_one_partition()
        with everything:
            for path in ("slots/", "tokens/", "waiting-list/", "events/"):
                caller.get(path).expect(200)
            last = caller.get("events/").expect(200)["results"]
            assert last == [] or caller.get("events/", after=last[0]["id"]).expect(200)


def test_two_facilities_lie_apart_and_a_slot_has_its_doctors() -> None:
    """With enough facilities every partition is used, and the database refuses references across facilities."""
    slot = stored_slot(queue=1)
    for number in range(30):
        facility = Facility.objects.create(name=f"No. {number}", code=f"N{number}", time_zone="Asia/Kolkata")
        doctor = DoctorFactory(facility=facility)
        other = Slot.objects.get(id=slot.id)
        other.pk, other.facility, other.doctor = new_id(), facility, doctor
        other.save(force_insert=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT tableoid) FROM clinics_slot")
        assert cursor.fetchone() == (PARTS,)
    foreign = Slot.objects.get(id=slot.id)
    foreign.pk, foreign.doctor, foreign.ticket_prefix, foreign.status = new_id(), doctor, "ZZ1", "CANCELLED"
    with pytest.raises(IntegrityError, match="clinics_slot_doctor_id"):
        foreign.save(force_insert=True)


def test_what_a_migration_adds_is_named_alike_in_every_part() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tokens_token DROP CONSTRAINT token_ticket_unique")
        cursor.execute(
            "ALTER TABLE tokens_token ADD CONSTRAINT token_ticket_unique UNIQUE (facility_id, local_date, ticket)"
        )
        call_command("migrate", verbosity=0)
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname = 'token_ticket_unique'")
        assert cursor.fetchone() == (1 + PARTS,)


def test_a_statement_without_the_key_is_caught() -> None:
    """The canary: the same look-up, with the function allowed and with no function allowed."""
    slot = stored_slot(queue=1)
    assert partitions_of("SELECT 1 FROM tokens_token WHERE slot_id = %s", [slot.id]) == {
        "part_00",
        "part_01",
        "part_02",
    }
    assert len(partitions_of("SELECT 1 FROM tokens_token WHERE facility_id = %s", [slot.facility_id])) == 1
    assert len(partitions_of("UPDATE clinics_slot SET version = 2 WHERE id = %s", [slot.id])) == 3
    strict = Watch(allowed={})
    with connection.execute_wrapper(strict):
        locate.facility_of_slot.cache_clear()
        locate.facility_of_slot(slot.id)
        PatientFactory()
    assert list(strict.spread) == [f"{LOOK_UP} < tokens.engine.locate.facility_of_slot"]
