"""If-Match on patients: a change of an outdated version is refused."""

import pytest

from tests.support.hospital import Hospital


def test_a_change_of_what_was_read(hospital: Hospital) -> None:
    made = hospital.patient()
    path = f"patients/{made['id']}/"
    read = hospital.desk.get(path)
    etag = read.headers["etag"]
    changed = hospital.desk.patch(path, {"needs_assistance": True}, headers={"If-Match": etag})
    changed.expect(200)
    assert changed.headers["etag"] != etag
    assert hospital.desk.get(path).headers["etag"] == changed.headers["etag"]
    assert hospital.desk.put(path, read.body, headers={"If-Match": changed.headers["etag"]}).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_has_changed_since_is_not_overwritten(hospital: Hospital, method: str) -> None:
    made = hospital.patient()
    path = f"patients/{made['id']}/"
    etag = hospital.desk.get(path).headers["etag"]
    hospital.desk.patch(path, {"name": "Asha Devi"}).expect(200)
    for stale in (etag, '"nonsense"', f"W/{hospital.desk.get(path).headers['etag']}", f'{etag}, "0"'):
        refused = hospital.desk.call(method, path, {**made, "email": "a@example.org"}, headers={"If-Match": stale})
        refused.expect(412, "version-conflict")
    assert hospital.desk.get(path).expect(200) == {**made, "name": "Asha Devi"}
    now = hospital.desk.get(path).headers["etag"]
    for good in (now, "*", f"{etag}, {now}"):
        hospital.desk.call(method, path, {**made, "name": "Asha Devi"}, headers={"If-Match": good}).expect(200)


def test_what_changes_nothing_is_no_new_version(hospital: Hospital) -> None:
    made = hospital.patient()
    path = f"patients/{made['id']}/"
    read = hospital.desk.get(path)
    for answer in (hospital.desk.patch(path, {}), hospital.desk.put(path, read.body)):
        assert answer.headers["etag"] == read.headers["etag"]


def test_the_answer_of_a_registration_has_the_tag_too(hospital: Hospital) -> None:
    made = hospital.desk.post("patients/", {"name": "Asha Rao", "phone": "+91 98860 55001"})
    assert made.headers["etag"] == hospital.desk.get(f"patients/{made.body['id']}/").headers["etag"]


def test_only_one_of_many_who_read_the_same_changes_it(hospital: Hospital) -> None:
    path = f"patients/{hospital.patient()['id']}/"
    sent = {"If-Match": hospital.desk.get(path).headers["etag"]}
    answers = [hospital.desk.patch(path, {"name": f"Asha {n}"}, headers=sent).status for n in range(3)]
    assert answers == [200, 412, 412]


def test_others_records_stay_unknown(hospital: Hospital) -> None:
    somebody = hospital.patient_user(hospital.patient())
    path = f"patients/{hospital.patient()['id']}/"
    somebody.patch(path, {"name": "X"}, headers={"If-Match": '"0"'}).expect(404, "not-found")
