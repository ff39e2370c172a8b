"""Section 10: signing in and out, registering, forgotten passwords, API keys, users."""

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.support import shapes
from tests.support.api import Answer, Api
from tests.support.hospital import PASSWORD, Hospital, phone, unique
from tests.support.shapes import assert_shape

Json = dict[str, Any]
NEW_PASSWORD = "Another-Harbour-28"


def new_user(hospital: Hospital, role: str = "FRONT_DESK", **facts: Any) -> Json:
    name = unique("u").replace(" ", "")
    body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": role, **facts}
    return hospital.admin.post("users/", body).expect(201)


def sign_in(hospital: Hospital, username: str, password: str = PASSWORD) -> Answer:
    return hospital.nobody.post("auth/token/", {"username": username, "password": password})


def me(hospital: Hospital, access: str) -> Answer:
    return Api(hospital.wire, f"Bearer {access}").get("auth/me/")


def test_signing_in_by_name_or_e_mail_answers_access_and_refresh(hospital: Hospital) -> None:
    user = new_user(hospital)
    for name in (user["username"], user["email"], user["email"].upper()):
        tokens = sign_in(hospital, name).expect(200)
        assert set(tokens) == {"access", "refresh"}
        body = me(hospital, tokens["access"]).expect(200)
        assert set(body) == {"id", "username", "email", "role", "facility", "doctor", "patients"}
        assert (body["username"], body["role"], body["doctor"], body["patients"]) == (
            user["username"],
            "FRONT_DESK",
            None,
            [],
        )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "x"},
        {"password": "x"},
        {"username": 5, "password": []},
        {"username": "a\x00b", "password": "x"},
    ],
)
def test_signing_in_with_nonsense_is_a_clear_refusal(hospital: Hospital, body: Json) -> None:
    answer = hospital.nobody.post("auth/token/", body)
    assert answer.status in (400, 401), str(answer)


def test_a_wrong_password_and_an_unknown_name_look_the_same(hospital: Hospital) -> None:
    user = new_user(hospital)
    wrong = sign_in(hospital, user["username"], "not-this-one")
    unknown = sign_in(hospital, "nobody-of-this-name", "not-this-one")
    wrong.expect(401, "not-authenticated")
    unknown.expect(401, "not-authenticated")
    assert {**wrong.body} == {**unknown.body}


def test_a_refresh_token_makes_a_new_access_token(hospital: Hospital) -> None:
    tokens = sign_in(hospital, new_user(hospital)["username"]).expect(200)
    fresh = hospital.nobody.post("auth/token/refresh/", {"refresh": tokens["refresh"]}).expect(200)
    me(hospital, fresh["access"]).expect(200)
    me(hospital, tokens["refresh"]).expect(401, "not-authenticated")
    answer = hospital.nobody.post("auth/token/refresh/", {"refresh": tokens["access"]})
    answer.expect(401, "not-authenticated")
    for bad in ("nonsense", "", 5, None):
        answer = hospital.nobody.post("auth/token/refresh/", {"refresh": bad})
        assert answer.status in (400, 401), str(answer)


def test_after_logout_the_refresh_token_is_dead(hospital: Hospital) -> None:
    tokens = sign_in(hospital, new_user(hospital)["username"]).expect(200)
    signed_in = Api(hospital.wire, f"Bearer {tokens['access']}")
    signed_in.post("auth/logout/", {"refresh": tokens["refresh"]}).expect(204)
    hospital.nobody.post("auth/token/refresh/", {"refresh": tokens["refresh"]}).expect(401, "not-authenticated")


def test_a_deleted_users_tokens_are_refused_and_break_nothing(hospital: Hospital) -> None:
    user = new_user(hospital)
    tokens = sign_in(hospital, user["username"]).expect(200)
    assert hospital.admin.delete(f"users/{user['id']}/").status in (204, 409)
    if hospital.admin.get(f"users/{user['id']}/").status == 404:
        hospital.nobody.post("auth/token/refresh/", {"refresh": tokens["refresh"]}).expect(401, "not-authenticated")
        me(hospital, tokens["access"]).expect(401, "not-authenticated")
        sign_in(hospital, user["username"]).expect(401, "not-authenticated")


def test_users_are_the_admins_alone(hospital: Hospital) -> None:
    user = new_user(hospital)
    assert user["username"]
    assert "password" not in user
    page = hospital.admin.get("users/").expect(200)
    assert page["count"] >= 3
    assert PASSWORD not in hospital.admin.get("users/").raw.decode()
    hospital.desk.get("users/").expect(403, "permission-denied")
    hospital.desk.post("users/", {}).expect(403, "permission-denied")
    changed = hospital.admin.patch(f"users/{user['id']}/", {"role": "ADMIN"}).expect(200)
    assert changed["role"] == "ADMIN"


@pytest.mark.parametrize(
    "change",
    [{"role": "GOD"}, {"password": "short"}, {"email": "nobody"}, {"username": ""}, {"colour": 1},
     {"doctor": "x"}, {"patients": "x"}],
    ids=str,
)  # fmt: skip
def test_a_bad_user_is_refused(hospital: Hospital, change: Json) -> None:
    name = unique("u").replace(" ", "")
    body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": "FRONT_DESK", **change}
    hospital.admin.post("users/", body).expect(400, "validation-error")


def test_a_name_and_an_e_mail_belong_to_one_user(hospital: Hospital) -> None:
    user = new_user(hospital)
    for change in ({"username": user["username"]}, {"email": user["email"]}, {"username": user["username"].upper()}):
        name = unique("u").replace(" ", "")
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": "FRONT_DESK", **change}
        answer = hospital.admin.post("users/", body)
        assert answer.status in (400, 409), str(answer)


def test_me_shows_a_doctors_doctor_and_a_patients_people(hospital: Hospital) -> None:
    doctor, one, two = hospital.doctor(), hospital.patient(), hospital.patient()
    assert hospital.doctor_user(doctor).get("auth/me/").expect(200)["doctor"] == doctor["id"]
    people = hospital.patient_user(one, two).get("auth/me/").expect(200)["patients"]
    assert sorted(people, key=lambda p: p["id"]) == sorted(
        [{"id": p["id"], "name": p["name"]} for p in (one, two)], key=lambda p: p["id"]
    )


def codes_sent_to(email: str) -> set[str]:
    from django.core import mail

    return {code for m in mail.outbox if email in m.to for code in re.findall(r"\b\d{6}\b", f"{m.subject} {m.body}")}


@pytest.fixture
def outbox(settings: Any) -> Any:
    """Send mail synchronously instead of in a thread; return the outbox."""
    from django.core import mail

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.OPD_MAIL_IN_BACKGROUND = False
    mail.outbox = []
    return mail.outbox


def registration() -> Json:
    email = f"{unique('reg').replace(' ', '')}@example.org"
    return {
        "email": email,
        "password": PASSWORD,
        "name": unique("Reg"),
        "phone": phone(),
        "date_of_birth": "1990-04-01",
    }


def test_registering_makes_a_patient_with_a_record_of_their_own(hospital: Hospital, outbox: Any) -> None:
    body = registration()
    hospital.nobody.post("auth/register/", body).expect(202)
    sign_in(hospital, body["email"]).expect(401, "not-authenticated")
    (code,) = codes_sent_to(body["email"])
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert hospital.nobody.post("auth/register/verify/", {"email": body["email"], "otp": wrong}).status == 400
    tokens = hospital.nobody.post("auth/register/verify/", {"email": body["email"], "otp": code}).expect(201)
    assert set(tokens) == {"access", "refresh"}
    who = me(hospital, tokens["access"]).expect(200)
    assert (who["role"], [p["name"] for p in who["patients"]]) == ("PATIENT", [body["name"]])
    assert hospital.nobody.post("auth/register/verify/", {"email": body["email"], "otp": code}).status == 400
    sign_in(hospital, body["email"]).expect(200)
    own = Api(hospital.wire, f"Bearer {tokens['access']}").get("patients/").expect(200)["results"]
    assert [(p["name"], p["date_of_birth"]) for p in own] == [(body["name"], "1990-04-01")]


def test_registering_never_betrays_a_taken_e_mail(hospital: Hospital, outbox: Any) -> None:
    user, fresh = new_user(hospital), registration()
    taken = hospital.nobody.post("auth/register/", {**registration(), "email": user["email"]})
    free = hospital.nobody.post("auth/register/", fresh)
    taken.expect(202)
    free.expect(202)
    assert taken.body == free.body
    sign_in(hospital, user["username"]).expect(200)


def test_registering_as_somebody_else_is_impossible(hospital: Hospital, outbox: Any) -> None:
    hospital.nobody.post("auth/register/", {**registration(), "role": "ADMIN"}).expect(400, "validation-error")
    hospital.nobody.post("auth/register/", {**registration(), "password": "12345678"}).expect(400, "validation-error")
    hospital.nobody.post("auth/register/", {**registration(), "email": "nobody"}).expect(400, "validation-error")


def test_a_forgotten_password_is_reset_once_and_kills_every_refresh_token(hospital: Hospital, outbox: Any) -> None:
    user = new_user(hospital)
    before = sign_in(hospital, user["username"]).expect(200)
    known = hospital.nobody.post("auth/password/forgot/", {"email": user["email"]})
    unknown = hospital.nobody.post("auth/password/forgot/", {"email": "nobody-here@example.org"})
    known.expect(202)
    unknown.expect(202)
    assert known.body == unknown.body
    (code,) = codes_sent_to(user["email"])
    reset = {"email": user["email"], "otp": code, "new_password": NEW_PASSWORD}
    assert hospital.nobody.post("auth/password/reset/", {**reset, "new_password": "short"}).status == 400
    hospital.nobody.post("auth/password/reset/", reset).expect(204)
    assert hospital.nobody.post("auth/password/reset/", reset).status == 400
    hospital.nobody.post("auth/token/refresh/", {"refresh": before["refresh"]}).expect(401, "not-authenticated")
    sign_in(hospital, user["username"]).expect(401, "not-authenticated")
    sign_in(hospital, user["username"], NEW_PASSWORD).expect(200)


def test_a_code_has_five_tries(hospital: Hospital, outbox: Any) -> None:
    user = new_user(hospital)
    hospital.nobody.post("auth/password/forgot/", {"email": user["email"]}).expect(202)
    (code,) = codes_sent_to(user["email"])
    reset = {"email": user["email"], "otp": f"{(int(code) + 1) % 10**6:06d}", "new_password": NEW_PASSWORD}
    for _ in range(5):
        assert hospital.nobody.post("auth/password/reset/", reset).status == 400
    assert hospital.nobody.post("auth/password/reset/", {**reset, "otp": code}).status == 400
    sign_in(hospital, user["username"]).expect(200)


def test_a_code_lasts_ten_minutes(hospital: Hospital, outbox: Any, clock: Any) -> None:
    user = new_user(hospital)
    hospital.nobody.post("auth/password/forgot/", {"email": user["email"]}).expect(202)
    (code,) = codes_sent_to(user["email"])
    clock.advance(minutes=10, seconds=1)
    reset = {"email": user["email"], "otp": code, "new_password": NEW_PASSWORD}
    assert hospital.nobody.post("auth/password/reset/", reset).status == 400


def test_a_key_is_shown_once_and_dies_when_revoked(hospital: Hospital) -> None:
    made = hospital.admin.post("api-keys/", {"name": "lab", "scopes": ["read"]}).expect(201)
    secret = made["key"]
    assert secret not in hospital.admin.get("api-keys/").raw.decode()
    system = Api(hospital.wire, f"Api-Key {secret}")
    system.get("doctors/").expect(200)
    Api(hospital.wire, f"Bearer {secret}").get("doctors/").expect(401, "not-authenticated")
    Api(hospital.wire, f"Api-Key {secret}x").get("doctors/").expect(401, "not-authenticated")
    hospital.admin.delete(f"api-keys/{made['id']}/").expect(204)
    system.get("doctors/").expect(401, "not-authenticated")
    hospital.desk.post("api-keys/", {"name": "mine", "scopes": ["operate"]}).expect(403, "permission-denied")


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": ["god"]},
        {"scopes": []},
        {"scopes": "read"},
        {"name": ""},
        {"allowed_networks": ["x"]},
        {"expires_at": "soon"},
    ],
    ids=str,
)
def test_a_bad_key_is_not_made(hospital: Hospital, change: Json) -> None:
    hospital.admin.post("api-keys/", {"name": "lab", "scopes": ["read"], **change}).expect(400, "validation-error")


def test_a_key_expires_and_keeps_to_its_networks(hospital: Hospital, clock: Any) -> None:
    ends = (hospital.now() + timedelta(minutes=5)).isoformat()
    made = hospital.admin.post("api-keys/", {"name": "lab", "scopes": ["read"], "expires_at": ends}).expect(201)
    system = Api(hospital.wire, f"Api-Key {made['key']}")
    system.get("doctors/").expect(200)
    clock.advance(minutes=6)
    system.get("doctors/").expect(401, "not-authenticated")
    abroad = {"name": "far", "scopes": ["read"], "allowed_networks": ["203.0.113.0/24"]}
    far = Api(hospital.wire, f"Api-Key {hospital.admin.post('api-keys/', abroad).expect(201)['key']}")
    assert far.get("doctors/").status in (401, 403)


def test_the_scopes_include_each_other(hospital: Hospital) -> None:
    read, book, operate = hospital.key("read"), hospital.key("book"), hospital.key("operate")
    slot = hospital.slot()
    for system in (read, book, operate):
        system.get("slots/").expect(200)
        system.get(f"slots/{slot['id']}/tokens/").expect(200)
        system.get("patients/").expect(200)
        system.get("users/").expect(403, "permission-denied")
        system.get("api-keys/").expect(403, "permission-denied")
    read.post("patients/", {"name": unique(), "phone": phone()}).expect(403, "permission-denied")
    hospital.ask(slot, by=read).expect(403, "permission-denied")
    patient = book.post("patients/", {"name": unique(), "phone": phone()}).expect(201)
    assert_shape(patient, shapes.PATIENT)
    token = hospital.ask(slot, patient, "ONLINE", by=book).expect(201)
    hospital.do(token, "check_in", by=book).expect(403, "permission-denied")
    hospital.do(token, "cancel", by=book).expect(200)
    book.post("slots/", {}).expect(403, "permission-denied")
    token = hospital.ask(slot, patient, by=operate, arrived=True).expect(201)
    hospital.do(token, "call", by=operate).expect(200)
    operate.post("tokens/emergency/", {"slot_id": slot["id"], "patient_id": hospital.patient()["id"]}).expect(201)
    operate.patch(f"slots/{slot['id']}/", {"max_capacity": 9}).expect(200)
