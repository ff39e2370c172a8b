"""The admin site shows an ADMIN the rows of their own facility only, on every page that exists."""

from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.access.principal import Principal
from accounts.access.roles import Role
from accounts.auth.api_keys import make_key
from accounts.models import ApiKey, ReadTrail, User
from clinics.doctors import create_doctor
from clinics.facilities import create_facility, default_facility
from clinics.models import Doctor, Facility
from core import clock
from core.clock import ManualClock
from events.models import Event
from patients.models import Patient
from patients.services import register_patient
from reports.models import DailyReport
from tests.factories import first_admin
from tests.races.builders import a_slot, book

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "Quiet-Harbour-27"


class Hospital:
    """A facility with at least one row on every page of the admin site, and its ADMIN."""

    def __init__(self, facility: Facility, name: str) -> None:
        self.facility, self.name = facility, name
        self.admin = User.objects.create_user(
            f"{name}-admin", f"{name}@example.org", PASSWORD, role=Role.ADMIN, facility=facility
        )
        self.doctor = create_doctor(name=f"Dr. {name}", specialization=f"{name}logy", facility_id=facility.pk)
        patients = [
            register_patient(name=f"{name} {n}", phone=f"+9198000{len(name)}000{n}", facility_id=facility.pk)
            for n in range(2)
        ]
        self.slot = a_slot(self.doctor)
        self.token = book(self.slot, patients[0])
        entry = book(self.slot, patients[1], join_waiting_list=True)
        key, _ = make_key(facility_id=facility.pk, name=f"{name} key", scopes=["read"], created_by_id=self.admin.pk)
        report = DailyReport.objects.create(
            facility=facility, date="2026-03-01", data={}, basis="x", stored_at=clock.now()
        )
        read = ReadTrail.objects.create(
            actor=f"user:{self.admin.pk}", patient_ids=[patients[0].pk], what="x", request_id="", at=clock.now()
        )
        self.rows: dict[type[Model], Any] = {
            type(row): row.pk
            for row in (facility, self.admin, self.doctor, patients[0], self.slot, self.token, entry, key, report, read)
        }
        self.rows[Event] = Event.objects.filter(slot_id=self.slot.pk).values_list("pk", flat=True)[0]

    def site(self) -> Client:
        client = Client()
        client.force_login(self.admin)
        return client


@pytest.fixture
def hospitals(clock: ManualClock) -> tuple[Hospital, Hospital]:
    first = Facility.objects.first() or default_facility()
    return Hospital(first, "Nearby"), Hospital(create_facility(name="Faraway", code="FAR"), "Distant")


def pages() -> list[type[Model]]:
    return [model for model in admin.site._registry if not model._meta.app_label.startswith("otp")]


def page(model: type[Model], name: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def test_every_page_of_the_site_is_in_this_test(hospitals: tuple[Hospital, Hospital]) -> None:
    assert set(pages()) == set(hospitals[0].rows)


def test_lists_pages_and_actions_have_only_rows_of_the_facility(hospitals: tuple[Hospital, Hospital]) -> None:
    for mine, other in (hospitals, hospitals[::-1]):
        request = RequestFactory().get("/")
        request.user, request.auth = mine.admin, Principal.of_user(mine.admin)  # type: ignore[attr-defined]
        for model, model_admin in admin.site._registry.items():
            ids = set(model_admin.get_queryset(request).values_list("pk", flat=True))
            assert mine.rows[model] in ids, model
            assert other.rows[model] not in ids, model


def test_no_page_shows_another_facility(hospitals: tuple[Hospital, Hospital]) -> None:
    mine, other = hospitals
    site = mine.site()
    for model in pages():
        shown = site.get(page(model, "changelist"))
        assert shown.status_code == 200, model
        text = shown.content.decode()
        assert other.name not in text, model
        assert page(model, "change", other.rows[model]) not in text, model
        assert site.get(page(model, "change", mine.rows[model])).status_code == 200, model
        for name in ("change", "delete", "history"):
            answer = site.get(page(model, name, other.rows[model]))
            assert answer.status_code in (302, 403, 404), (model, name)


def test_a_superuser_sees_all_facilities(hospitals: tuple[Hospital, Hospital]) -> None:
    site = Client()
    site.force_login(first_admin(PASSWORD))
    for hospital in hospitals:
        for model, row in hospital.rows.items():
            assert site.get(page(model, "change", row)).status_code == 200, model


def test_actions_do_not_reach_another_facility(hospitals: tuple[Hospital, Hospital]) -> None:
    mine, other = hospitals
    site = mine.site()
    for model, action in (
        (type(other.slot), "cancel_slots"),
        (type(other.token), "cancel_tokens"),
        (type(other.token), "mark_no_show"),
        (ApiKey, "revoke"),
    ):
        site.post(page(model, "changelist"), {"action": action, "_selected_action": [str(other.rows[model])]})
    other.slot.refresh_from_db()
    other.token.refresh_from_db()
    assert (other.slot.status, other.token.status) == ("ACTIVE", "CONFIRMED")
    assert ApiKey.objects.get(pk=other.rows[ApiKey]).revoked_at is None


def test_a_form_does_not_accept_rows_of_another_facility(hospitals: tuple[Hospital, Hospital]) -> None:
    mine, other = hospitals
    site = mine.site()
    base = {"username": "new", "email": "new@example.org", "is_active": "on", "password": PASSWORD}
    site.post(page(User, "add"), {**base, "role": "DOCTOR", "doctor": str(other.rows[Doctor])})
    site.post(page(User, "add"), {**base, "role": "PATIENT", "patients": str(other.rows[Patient])})
    assert not User.objects.filter(username="new").exists()
    site.post(page(User, "add"), {**base, "role": "DOCTOR", "doctor": str(mine.rows[Doctor])})
    assert User.objects.get(username="new").facility == mine.facility


def test_new_rows_belong_to_the_facility(hospitals: tuple[Hospital, Hospital]) -> None:
    _, other = hospitals
    site = other.site()
    site.post(page(Doctor, "add"), {"name": "Dr. New", "specialization": "Eyes", "consultation_minutes": "10"})
    site.post(page(Patient, "add"), {"name": "New", "phone": "+919845099999", "is_active": "on"})
    assert Doctor.objects.get(name="Dr. New").facility == other.facility
    assert Patient.objects.get(name="New").facility == other.facility
