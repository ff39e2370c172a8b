"""facilities/: the default facility and its editable fields."""

import pytest

from clinics.facilities import default_facility, ensure_default_facility
from clinics.models import Facility
from tests.support.hospital import Hospital
from tests.support.shapes import FACILITY, assert_shape


def test_one_exists_from_the_start(hospital: Hospital) -> None:
    page = hospital.desk.get("facilities/").expect(200)
    assert page["count"] == 1
    assert_shape(page["results"][0], FACILITY)
    one = hospital.desk.get(f"facilities/{page['results'][0]['id']}/").expect(200)
    assert one == page["results"][0]


def test_it_is_made_once(db: None) -> None:
    from django.apps import apps

    before = default_facility()
    ensure_default_facility(apps=apps)
    assert list(Facility.objects.all()) == [before]


def test_an_administrator_renames_it(hospital: Hospital) -> None:
    path = f"facilities/{hospital.facility['id']}/"
    changed = hospital.admin.patch(path, {"name": "St. Martha's", "code": "SM-1"}).expect(200)
    assert changed == {**hospital.facility, "name": "St. Martha's", "code": "SM-1"}
    assert hospital.admin.patch(path, changed).expect(200) == changed


@pytest.mark.parametrize("role", ["FRONT_DESK", "DOCTOR", "PATIENT"])
def test_nobody_else_does(hospital: Hospital, role: str) -> None:
    user = hospital.user(role)
    path = f"facilities/{hospital.facility['id']}/"
    user.get(path).expect(200)
    user.patch(path, {"name": "Mine"}).expect(403, "permission-denied")


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"time_zone": "Asia/Atlantis"}, "time_zone", "invalid-time-zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "invalid-time-zone"),
        ({"time_zone": "localtime"}, "time_zone", "invalid-time-zone"),
        ({"time_zone": "Factory"}, "time_zone", "invalid-time-zone"),
        ({"time_zone": "Asia"}, "time_zone", "invalid-time-zone"),
        ({"time_zone": ""}, "time_zone", "blank"),
        ({"time_zone": 5}, "time_zone", "invalid"),
        ({"code": "lower"}, "code", "invalid"),
        ({"code": "X" * 17}, "code", "max-length"),
        ({"name": " "}, "name", "blank"),
        ({"name": "\u200b"}, "name", "blank"),
        ({"name": "a\x00b"}, "name", "null-character"),
        ({"name": "a\nb"}, "name", "control-character"),
        ({"name": "x" * 10_000}, "name", "max-length"),
        ({"name": None}, "name", "null"),
        ({"rooms": 3}, "rooms", "unknown-field"),
        ({"display_name": ""}, "display_name", "blank"),
        ({"display_name": "a\u202eb"}, "display_name", "invisible-character"),
        ({"display_name": "x" * 201}, "display_name", "max-length"),
        ({"colour": "blue"}, "colour", "invalid"),
        ({"colour": "#12345"}, "colour", "invalid"),
        ({"colour": "#1234567"}, "colour", "max-length"),
        ({"colour": "#12345g"}, "colour", "invalid"),
        ({"colour": "123456"}, "colour", "invalid"),
        ({"colour": "#\u0661\u0662\u0663\u0664\u0665\u0666"}, "colour", "invalid"),
        ({"colour": ""}, "colour", "blank"),
        ({"colour": 123456}, "colour", "invalid"),
    ],
)
def test_what_makes_no_sense_is_refused(hospital: Hospital, change: dict[str, object], field: str, code: str) -> None:
    refused = hospital.admin.patch(f"facilities/{hospital.facility['id']}/", change)
    refused.expect(400, "validation-error")
    assert refused.codes[field] == code


def test_its_name_for_patients_and_its_colour_can_be_set_and_taken_back(hospital: Hospital) -> None:
    path = f"facilities/{hospital.facility['id']}/"
    assert (hospital.facility["display_name"], hospital.facility["colour"]) == (None, None)
    changes = {"display_name": "सेंट मार्था", "colour": "#0B6e4F"}
    changed = hospital.admin.patch(path, changes).expect(200)
    assert changed == {**hospital.facility, **changes}
    assert Facility.objects.get().shown_name == "सेंट मार्था"
    taken_back = hospital.admin.patch(path, {"display_name": None, "colour": None}).expect(200)
    assert taken_back == hospital.facility
    assert Facility.objects.get().shown_name == hospital.facility["name"]


def test_a_code_belongs_to_one_facility(hospital: Hospital) -> None:
    Facility.objects.create(name="Branch", code="BRANCH", time_zone="Asia/Kolkata")
    refused = hospital.admin.patch(f"facilities/{hospital.facility['id']}/", {"code": "BRANCH"})
    refused.expect(400)
    assert refused.codes == {"code": "unique"}


def test_an_unknown_facility_is_not_found(hospital: Hospital) -> None:
    unknown = "facilities/01957a51-2b7c-7c31-9c39-0c2f1f6d3a10/"
    hospital.desk.get(unknown).expect(404, "not-found")
    hospital.admin.patch(unknown, {"name": "X"}).expect(404, "not-found")
    hospital.desk.get("facilities/7/").expect(404, "not-found")
    hospital.admin.delete(f"facilities/{hospital.facility['id']}/").expect(405, "method-not-allowed")
