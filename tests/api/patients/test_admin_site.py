"""The admin site shows registered data, and changes it only through the services."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import ReadTrail
from clinics.models import Doctor, Facility, Slot
from core import clock
from patients.models import Patient
from reports.models import DailyReport
from tests.factories import a_doctor, a_patient, first_admin, stored_slot
from tests.support.hospital import PASSWORD

DOCTOR = {"name": "Dr. Rao", "specialization": "ENT", "consultation_minutes": "10", "is_active": "on"}


@pytest.fixture
def site(db: None) -> Client:
    client = Client()
    sign_in = {"username": first_admin(PASSWORD).username, "password": PASSWORD}
    assert client.post("/admin/login/", sign_in).status_code == 302
    return client


def told(answer: Any) -> str:
    return answer.content.decode()


def test_everything_is_to_be_seen_and_searched(site: Client) -> None:
    doctor, patient, slot = a_doctor("Dr. Anand"), a_patient(name="Asha Rao", phone="080 1234"), stored_slot()
    facility = Facility.objects.get()
    report = DailyReport.objects.create(facility=facility, date="2026-03-02", data={}, stored_at=clock.now())
    for page, thing, query in [
        ("clinics/facility", facility, "main"),
        ("clinics/doctor", doctor, "anand"),
        ("clinics/slot", slot, slot.ticket_prefix),
        ("patients/patient", patient, "0801234"),
        ("reports/dailyreport", report, ""),
    ]:
        assert str(thing.pk) in told(site.get(f"/admin/{page}/?q={query}")), page
        assert site.get(f"/admin/{page}/?q=%00").status_code < 500
        assert site.get(f"/admin/{page}/{thing.pk}/change/").status_code == 200, page
        assert site.get(f"/admin/{page}/{thing.pk}/delete/").status_code == 403, page


def test_doctors_are_taken_in_and_changed_by_the_service(site: Client) -> None:
    assert site.post("/admin/clinics/doctor/add/", DOCTOR).status_code == 302
    doctor = Doctor.objects.get()
    assert doctor.ticket_letters == "A"
    path = f"/admin/clinics/doctor/{doctor.pk}/change/"
    assert site.post(path, {**DOCTOR, "consultation_minutes": "15", "ticket_letters": "Z"}).status_code == 302
    doctor.refresh_from_db()
    assert (doctor.consultation_minutes, doctor.ticket_letters) == (15, "A")
    assert "errornote" in told(site.post(path, {**DOCTOR, "phone": "call me"}))
    assert "errornote" in told(site.post(path, {**DOCTOR, "name": ""}))


def test_a_refusal_is_shown_on_the_page(site: Client) -> None:
    facility = Facility.objects.get()
    path = f"/admin/clinics/facility/{facility.pk}/change/"
    body = {"name": "Renamed", "code": "lower"}
    assert "Use capital letters A-Z, digits and dashes." in told(site.post(path, body, follow=True))
    assert site.post(path, {**body, "code": "MAIN"}).status_code == 302
    facility.refresh_from_db()
    assert facility.name == "Renamed"


def test_the_time_zone_is_shown_and_changes_only_by_the_api(site: Client) -> None:
    facility = Facility.objects.get()
    path = f"/admin/clinics/facility/{facility.pk}/change/"
    assert facility.time_zone in told(site.get(path))
    site.post(path, {"name": "Renamed", "code": "MAIN", "time_zone": "Europe/London"})
    assert Facility.objects.get().time_zone == facility.time_zone


def test_patients_are_registered_and_changed_by_the_service(site: Client) -> None:
    body = {"name": "Asha Rao", "phone": "080 1234", "date_of_birth": "1951-08-15"}
    assert site.post("/admin/patients/patient/add/", body).status_code == 302
    patient = Patient.objects.get()
    assert patient.name_key == "asha rao"
    assert "is registered" in told(site.post("/admin/patients/patient/add/", body, follow=True))
    path = f"/admin/patients/patient/{patient.pk}/change/"
    assert site.post(path, {**body, "name": "Asha Devi"}).status_code == 302
    patient.refresh_from_db()
    assert patient.name_key == "asha devi"


def test_who_looks_at_patients_is_on_the_trail(site: Client) -> None:
    patient = a_patient()
    site.get("/admin/patients/patient/")
    site.get(f"/admin/patients/patient/{patient.pk}/change/")
    assert [row.patient_ids for row in ReadTrail.objects.filter(what="patients.admin")] == [[patient.pk], [patient.pk]]


def test_slots_are_not_edited_around_the_engine(site: Client) -> None:
    slot = stored_slot()
    assert site.get("/admin/clinics/slot/add/").status_code == 403
    assert site.post(f"/admin/clinics/slot/{slot.pk}/change/", {"max_capacity": "99"}).status_code == 403
    assert Slot.objects.get().max_capacity == 5
    assert site.get("/admin/reports/dailyreport/add/").status_code == 403
    assert site.get("/admin/clinics/facility/add/").status_code == 403
