"""Patient search and duplicate detection ignore order, case, accents and formatting."""

import pytest

from patients.models import Patient
from tests.support.hospital import Hospital

ASHA = {"name": "Asha Rao", "phone": "+91 98765 43210"}
JOSE = {"name": "José d'Souza", "phone": "080-2345 6789"}


@pytest.fixture
def found(hospital: Hospital) -> "Found":
    """A hospital in which Asha and José are registered."""
    for each in (ASHA, JOSE):
        hospital.desk.post("patients/", each).expect(201)
    return Found(hospital)


class Found:
    """Return the names that a search finds."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital

    def __call__(self, text: str) -> list[str]:
        return [each["name"] for each in self.hospital.desk.get("patients/", search=text).expect(200)["results"]]


@pytest.mark.parametrize("text", ["Rao Asha", "rao, asha", "ASHA RAO", "ra as", "Āshā", "asha", "ao"])
def test_words_of_a_name_in_any_order(found: Found, text: str) -> None:
    assert found(text) == ["Asha Rao"]


@pytest.mark.parametrize("text", ["jose", "JOSÉ", "Jose\u0301", "d'souza", "d’souza", "Souza, Jose", "dsouza"])  # noqa: RUF001
def test_accents_case_and_apostrophes_do_not_matter(found: Found, text: str) -> None:
    assert found(text) == ["José d'Souza"]


@pytest.mark.parametrize(
    "text",
    [
        "9876543210", "09876543210", "+919876543210", "00919876543210", "919876543210", "98765-43210", "098765 43210",
        "(+91) 98765.43210", "3210", "98765", "098765", "+91 98765", "0091 98765",
    ],
)  # fmt: skip
def test_a_phone_in_any_formatting_and_parts_of_it(found: Found, text: str) -> None:
    assert found(text) == ["Asha Rao"]


@pytest.mark.parametrize("text", ["asha khan", "asha jose", "9876543211", "+1 98765 43210", "43211", "%", "_", "-"])
def test_what_is_not_there_is_not_found(found: Found, text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (ASHA, {"name": "Rao Asha", "phone": "09876543210"}),
        (ASHA, {"name": "ĀSHĀ  RAO", "phone": "9876543210"}),
        (ASHA, {"name": "Rao, Asha", "phone": "00 91 98765-43210"}),
        (JOSE, {"name": "DSouza Jose", "phone": "+91 80 2345 6789"}),
        ({"name": "आशा राव", "phone": "12345"}, {"name": "राव आशा", "phone": "12 345"}),
    ],
)
def test_one_person_is_registered_once(hospital: Hospital, first: dict[str, str], again: dict[str, str]) -> None:
    made = hospital.desk.post("patients/", first).expect(201)
    assert hospital.desk.post("patients/", again).expect(409, "duplicate-patient")["existing_id"] == made["id"]
    assert Patient.objects.count() == 1
    hospital.desk.post("patients/", {**again, "allow_duplicate": True}).expect(201)


@pytest.mark.parametrize(
    "other", [{"name": "Asha Rao", "phone": "9876543211"}, {"name": "Ash Rao", "phone": "9876543210"},
              {"name": "Asha Rao", "phone": "+1 98765 43210"}, {"name": "आशा राव", "phone": "9876543210"}]
)  # fmt: skip
def test_others_are_registered_beside_them(hospital: Hospital, other: dict[str, str]) -> None:
    hospital.desk.post("patients/", ASHA).expect(201)
    hospital.desk.post("patients/", other).expect(201)
