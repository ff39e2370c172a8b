"""Section 13: the daily report of a named facility."""

from tests.support.hospital import Hospital


def test_a_superuser_names_the_facility_of_the_report(hospital: Hospital) -> None:
    branch = hospital.branch()
    slot = branch.slot()
    branch.token(slot)
    day = slot["start_time"][:10]
    for api in (hospital.admin, branch.admin, branch.desk, branch.key("read")):
        report = api.get("reports/daily/", date=day, facility=branch.facility["id"]).expect(200)
        assert (report["total_slots"], report["total_tokens"]) == (1, 1)
    filters = {"date": day, "facility": branch.facility["id"], "doctor_id": slot["doctor"]}
    assert hospital.admin.get("reports/daily/", **filters).expect(200)["total_slots"] == 1


def test_another_facility_answers_like_an_unknown_one(hospital: Hospital) -> None:
    branch = hospital.branch()
    unknown, slot = hospital.slot()["id"], branch.slot()
    for api in (branch.admin, branch.desk, branch.key("read")):
        hidden = api.get("reports/daily/", facility=hospital.facility["id"]).expect(404, "not-found")
        assert hidden == api.get("reports/daily/", facility=unknown).expect(404, "not-found")
    filters = {"facility": hospital.facility["id"], "doctor_id": slot["doctor"]}
    hospital.admin.get("reports/daily/", **filters).expect(404, "not-found")
    assert hospital.admin.get("reports/daily/", facility="x").codes == {"facility": "invalid"}
