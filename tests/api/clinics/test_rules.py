"""The rules of a facility: how they are changed, and that the engine follows them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clinics.models import Facility
from core import clock as engine_clock
from core.clock import ManualClock
from core.errors import NotFound
from tests.support.api import Answer
from tests.support.hospital import Hospital, when
from tokens import rules

Json = dict[str, Any]


def change(hospital: Hospital, **changes: Any) -> Answer:
    return hospital.admin.patch(f"facilities/{hospital.facility['id']}/", {"rules": changes})


def in_force(hospital: Hospital) -> Json:
    found: Json = hospital.desk.get(f"facilities/{hospital.facility['id']}/").expect(200)["rules"]
    return found


@pytest.fixture
def hospital(hospital: Hospital) -> Any:
    yield hospital
    rules.forget(UUID(hospital.facility["id"]))


def test_a_change_is_merged_and_null_takes_it_back(hospital: Hospital) -> None:
    assert in_force(hospital) == {}
    change(hospital, hold_seconds=90, kiosk_presence=True).expect(200)
    answer = change(hospital, skip_places=5, hold_seconds=None, max_skips=None).expect(200)
    assert answer["rules"] == in_force(hospital) == {"kiosk_presence": True, "skip_places": 5}
    hospital.admin.patch(f"facilities/{hospital.facility['id']}/", {"name": "Renamed"}).expect(200)
    assert in_force(hospital) == {"kiosk_presence": True, "skip_places": 5}
    change(hospital).expect(200)
    assert in_force(hospital) == {"kiosk_presence": True, "skip_places": 5}


EVERY_RULE: Json = {
    "hold_seconds": 0.5,
    "no_show_grace_minutes": 20,
    "buffer_minutes": 7.25,
    "skip_places": 1,
    "max_skips": 100,
    "undo_seconds": 0,
    "horizon_days": 60,
    "min_notice_minutes": 30,
    "max_days_ahead": 0,
    "cancel_cutoff_minutes": 120,
    "max_live_per_patient": 1,
    "max_live_per_user": 2,
    "followup_days": 14,
    "followup_visits": 2,
    "share_release_minutes": 0,
    "offer_minutes": 15,
    "check_in_opens_minutes": 240,
    "kiosk_presence": True,
    "paid_tier_enabled": False,
    "emergency_reason_required": True,
    "reminder_hours": [48, 24, 1.5],
    "quiet_hours": ["22:30", "06:00"],
    "delay_notice_minutes": 30,
    "languages": ["hi", "en", "zh-Hant-TW"],
}


def test_every_rule_can_be_changed_and_taken_back(hospital: Hospital) -> None:
    assert change(hospital, **EVERY_RULE).expect(200)["rules"] == EVERY_RULE
    assert change(hospital, reminder_hours=[], quiet_hours=[]).expect(200)["rules"]["quiet_hours"] == []
    assert change(hospital, **dict.fromkeys(EVERY_RULE)).expect(200)["rules"] == {}


def other_than(name: str) -> str:
    return "buffer_minutes" if name != "buffer_minutes" else "skip_places"


NUMBERS = [name for name, value in EVERY_RULE.items() if isinstance(value, int | float) and not isinstance(value, bool)]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [-1, 10**12, 10**400, "5", True, [5], {}, "", "NaN"])
def test_a_number_out_of_range_or_of_another_kind_is_refused(hospital: Hospital, name: str, value: Any) -> None:
    refused = change(hospital, **{other_than(name): 3, name: value})
    refused.expect(400, "validation-error")
    assert list(refused.codes) == [f"rules.{name}"]
    assert in_force(hospital) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("skip_places", 0),
        ("skip_places", 2.5),
        ("horizon_days", 0),
        ("horizon_days", 1.5),
        ("max_skips", 0),
        ("kiosk_presence", 1),
        ("kiosk_presence", "true"),
        ("paid_tier_enabled", "no"),
        ("paid_tier_enabled", []),
        ("emergency_reason_required", 0),
        ("reminder_hours", 24),
        ("reminder_hours", ["24"]),
        ("reminder_hours", [0]),
        ("reminder_hours", [24, 24]),
        ("reminder_hours", [24, None]),
        ("reminder_hours", list(range(1, 12))),
        ("quiet_hours", ["21:00"]),
        ("quiet_hours", ["21:00", "07:00", "08:00"]),
        ("quiet_hours", ["24:00", "07:00"]),
        ("quiet_hours", ["9:00", "07:00"]),
        ("quiet_hours", ["21:00", "21:00"]),
        ("quiet_hours", ["21:00\n", "07:00"]),
        ("quiet_hours", [21, 7]),
        ("quiet_hours", "21:00-07:00"),
        ("languages", []),
        ("languages", "en"),
        ("languages", ["en", "en"]),
        ("languages", ["english"]),
        ("languages", [["en"]]),
        ("languages", [{}]),
        ("languages", ["en\n"]),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(hospital: Hospital, name: str, value: Any) -> None:
    refused = change(hospital, **{other_than(name): 3, name: value})
    refused.expect(400, "validation-error")
    assert list(refused.codes) == [f"rules.{name}"]
    assert in_force(hospital) == {}


def test_an_unknown_rule_is_refused_by_its_name(hospital: Hospital) -> None:
    refused = change(hospital, buffer_minutes=3, hold_minutes=2, skip_places=0)
    refused.expect(400, "validation-error")
    assert refused.codes == {"rules.hold_minutes": "unknown-field", "rules.skip_places": "out-of-range"}
    assert in_force(hospital) == {}


@pytest.mark.parametrize("value", [None, [], "hold_seconds", 5, True])
def test_rules_are_an_object(hospital: Hospital, value: Any) -> None:
    refused = hospital.admin.patch(f"facilities/{hospital.facility['id']}/", {"rules": value})
    refused.expect(400, "validation-error")
    assert [field.partition(".")[0] for field in refused.codes] == ["rules"]


def test_holds_graces_and_buffers_follow_the_rules_at_once(hospital: Hospital, clock: ManualClock) -> None:
    change(hospital, hold_seconds=30.5, no_show_grace_minutes=3, buffer_minutes=1).expect(200)
    slot = hospital.slot(capacity=3, start=hospital.now() + timedelta(hours=1))
    held = hospital.token(slot, hold=True)
    assert when(held["expires_at"]) == hospital.now() + timedelta(seconds=30.5)
    missing = hospital.token(slot)
    expected = max(hospital.now(), when(missing["estimated_time"]))
    missing = hospital.done(missing, "no_show")
    assert when(missing["grace_expires_at"]) == expected + timedelta(minutes=3)
    kept = hospital.token(slot)
    hospital.do(kept, "buffer").expect(200)
    clock.advance(seconds=59)
    hospital.token(slot, join_waiting_list=False)
    change(hospital, hold_seconds=None).expect(200)
    other = hospital.slot(start=hospital.now() + timedelta(hours=1))
    assert when(hospital.token(other, hold=True)["expires_at"]) == hospital.now() + timedelta(seconds=120)


def test_a_facility_without_the_paid_tier_refuses_it(hospital: Hospital) -> None:
    slot = hospital.slot()
    change(hospital, paid_tier_enabled=False).expect(200)
    refused = hospital.ask(slot, category="PRIORITY_PAID")
    refused.expect(400, "validation-error")
    assert refused.codes == {"category": "tier-disabled"}
    assert hospital.tokens_of(slot) == []
    assert hospital.token(slot, category="WALKIN")["ticket"].endswith("001")
    change(hospital, paid_tier_enabled=None).expect(200)
    assert hospital.token(slot, category="PRIORITY_PAID")["category"] == "PRIORITY_PAID"


def test_a_facility_may_require_the_reason_of_an_emergency(hospital: Hospital) -> None:
    slot = hospital.slot()
    change(hospital, emergency_reason_required=True).expect(200)
    for given in ({}, {"reason": ""}, {"reason": " "}):
        body = {"slot_id": slot["id"], "patient_id": hospital.patient()["id"], **given}
        refused = hospital.desk.post("tokens/emergency/", body)
        refused.expect(400, "validation-error")
        assert refused.codes == {"reason": "required"}
    assert hospital.tokens_of(slot) == []
    assert hospital.emergency(slot, reason="chest pain")["category"] == "EMERGENCY"
    change(hospital, emergency_reason_required=False).expect(200)
    hospital.emergency(slot)


def test_rules_of_one_facility_do_not_reach_another(hospital: Hospital) -> None:
    change(hospital, hold_seconds=30).expect(200)
    other = Facility.objects.create(name="Branch", code="BRANCH", time_zone="Asia/Kolkata")
    assert rules.of(UUID(hospital.facility["id"])).hold_seconds == 30
    assert rules.of(other.pk).hold_seconds == 120


def test_another_process_sees_a_change_within_five_seconds(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    facility_id = UUID(hospital.facility["id"])
    now = engine_clock.monotonic()
    monkeypatch.setattr(engine_clock, "monotonic", lambda: now)
    assert rules.of(facility_id).hold_seconds == 120
    Facility.objects.filter(pk=facility_id).update(rules={"hold_seconds": 40})  # as another process does
    monkeypatch.setattr(engine_clock, "monotonic", lambda: now + 5)
    assert rules.of(facility_id).hold_seconds == 40


def test_a_booking_sees_a_change_of_another_process_at_once(hospital: Hospital, clock: ManualClock) -> None:
    hospital.token(hospital.slot(), hold=True)
    Facility.objects.filter(pk=hospital.facility["id"]).update(rules={"hold_seconds": 40})
    held = hospital.token(hospital.slot(), hold=True)
    assert when(held["expires_at"]) == hospital.now() + timedelta(seconds=40)


def test_the_rules_in_force_are_typed(hospital: Hospital) -> None:
    facility_id = UUID(hospital.facility["id"])
    defaults = rules.of(facility_id)
    assert (defaults.reminder_hours, defaults.languages) == ((24, 2), ("en",))
    assert [each.isoformat("minutes") for each in defaults.quiet_hours or ()] == ["21:00", "07:00"]
    change(hospital, quiet_hours=[], reminder_hours=[]).expect(200)
    assert (rules.of(facility_id).quiet_hours, rules.of(facility_id).reminder_hours) == (None, ())
    with pytest.raises(NotFound):
        rules.of(UUID(int=7))


def test_the_cache_saves_the_statement(hospital: Hospital, django_assert_num_queries: Any) -> None:
    facility_id = UUID(hospital.facility["id"])
    rules.forget(facility_id)
    with django_assert_num_queries(1):
        rules.of(facility_id)
        rules.of(facility_id)
