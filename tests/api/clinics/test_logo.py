"""facilities/{id}/logo/: which files are taken, and what is served."""

import struct
import zlib
from io import BytesIO
from typing import Any

import httpx
import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from accounts.models import User
from clinics.logos import MAX_BYTES, reencoded
from clinics.models import Facility, FacilityLogo
from core.errors import EngineError
from tests.support.api import Answer, Api
from tests.support.hospital import Hospital

SIGNATURE = b"\x89PNG\r\n\x1a\n"
UNKNOWN = "01957a51-2b7c-7c31-9c39-0c2f1f6d3a10"


def png(size: tuple[int, int] = (16, 9), mode: str = "RGB", shade: int = 1, **facts: Any) -> bytes:
    file = BytesIO()
    Image.new(mode, size, shade).save(file, "PNG", **facts)
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def drawn(width: int, height: int, *, before: bytes = b"", data: bytes = b"") -> bytes:
    """Return a 1-bit image with this size in its header and these pixels."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(data or bytes(height * (1 + (width + 7) // 8)), 9))
    return SIGNATURE + chunk(b"IHDR", head) + before + pixels + chunk(b"IEND", b"")


def path(hospital: Hospital) -> str:
    return f"facilities/{hospital.facility['id']}/logo/"


def send(hospital: Hospital, *parts: tuple[str, Any], by: Api | None = None, to: str = "", **headers: str) -> Answer:
    form = httpx.Request("POST", "http://opd", files=list(parts))
    return (by or hospital.admin).call(
        "POST",
        to or path(hospital),
        content=form.read(),
        content_type=form.headers["content-type"],
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def file(content: bytes, name: str = "logo.png", kind: str = "image/png") -> tuple[str, Any]:
    return "logo", (name, content, kind)


def outcome(content: bytes) -> bytes | str:
    """Return the image as it would be stored, or the code of the refusal."""
    try:
        return reencoded(content)
    except EngineError as refusal:
        return refusal.code


def test_a_logo_is_set_served_replaced_and_deleted(hospital: Hospital) -> None:
    hospital.desk.get(path(hospital)).expect(404, "not-found")
    assert send(hospital, file(png())).expect(200) == hospital.facility
    served = hospital.patient_user(hospital.patient()).get(path(hospital))
    served.expect(200)
    assert served.headers["content-type"] == "image/png"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert served.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert Image.open(BytesIO(served.raw)).size == (16, 9)
    again = hospital.desk.call("GET", path(hospital), headers={"If-None-Match": served.headers["etag"]})
    assert (again.status, again.raw) == (304, b"")
    send(hospital, file(png((8, 8)))).expect(200)
    replaced = hospital.desk.call("GET", path(hospital), headers={"If-None-Match": served.headers["etag"]})
    replaced.expect(200)
    assert replaced.headers["etag"] != served.headers["etag"]
    hospital.admin.delete(path(hospital)).expect(204)
    hospital.desk.get(path(hospital)).expect(404, "not-found")
    hospital.admin.delete(path(hospital)).expect(404, "not-found")


def test_an_image_element_gets_it(hospital: Hospital) -> None:
    send(hospital, file(png())).expect(200)
    for accept in ("image/avif,image/webp,*/*;q=0.8", "image/png", "image/*", "application/json"):
        hospital.desk.call("GET", path(hospital), headers={"Accept": accept}).expect(200)
    hospital.desk.call("GET", path(hospital), headers={"Accept": "text/html"}).expect(406, "not-acceptable")
    hospital.desk.call("GET", "doctors/", headers={"Accept": "image/png"}).expect(406, "not-acceptable")


@pytest.mark.parametrize("role", ["FRONT_DESK", "DOCTOR", "PATIENT"])
def test_only_an_administrator_changes_it(hospital: Hospital, role: str) -> None:
    user = hospital.user(role)
    send(hospital, file(png()), by=user).expect(403, "permission-denied")
    user.delete(path(hospital)).expect(403, "permission-denied")
    hospital.nobody.get(path(hospital)).expect(401, "not-authenticated")


def test_an_unknown_facility_has_none(hospital: Hospital) -> None:
    unknown = f"facilities/{UNKNOWN}/logo/"
    hospital.desk.get(unknown).expect(404, "not-found")
    hospital.admin.delete(unknown).expect(404, "not-found")
    send(hospital, file(png()), to=unknown).expect(404, "not-found")


def test_another_facility_answers_like_an_unknown_one(hospital: Hospital) -> None:
    other = Facility.objects.create(name="Branch", code="BRANCH", time_zone="Asia/Kolkata")
    there = f"facilities/{other.pk}/logo/"
    send(hospital, file(png()), to=there).expect(200)  # by the superuser
    hospital.patient_user(hospital.patient()).get(there).expect(200)
    mine = hospital.user("ADMIN")
    mine.get(there).expect(404, "not-found")
    mine.delete(there).expect(404, "not-found")
    send(hospital, file(b"no image"), to=there, by=mine).expect(404, "not-found")
    hospital.desk.get(there).expect(404, "not-found")


def test_a_repetition_with_the_same_key_gets_the_first_answer(hospital: Hospital) -> None:
    first = send(hospital, file(png()), Idempotency_Key="logo-1")
    first.expect(200)
    again = send(hospital, file(png()), Idempotency_Key="logo-1")  # with another boundary between the parts
    assert (again.expect(200), again.headers["idempotency-replayed"]) == (first.body, "true")
    send(hospital, file(png((8, 8))), Idempotency_Key="logo-1").expect(422, "idempotency-mismatch")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_taken(mode: str) -> None:
    image = Image.open(BytesIO(reencoded(png((20, 10), mode))))
    image.load()
    assert image.size == (20, 10)


def test_a_grey_of_16_bits_stays_the_same_grey() -> None:
    image = Image.open(BytesIO(reencoded(png((4, 4), "I;16", shade=40_000))))
    assert image.getpixel((0, 0)) == 40_000 // 256


def test_transparency_stays() -> None:
    half = BytesIO()
    Image.new("RGBA", (4, 4), (10, 20, 30, 128)).save(half, "PNG")
    assert Image.open(BytesIO(reencoded(half.getvalue()))).getpixel((0, 0)) == (10, 20, 30, 128)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 200, 100, 50])
    file = BytesIO()
    palette.save(file, "PNG", transparency=1)
    assert Image.open(BytesIO(reencoded(file.getvalue()))).convert("RGBA").getpixel((0, 0)) == (200, 100, 50, 0)


def test_nothing_but_the_pixels_is_kept() -> None:
    secret = b"GPS 12.97 77.59 <script>alert(1)</script>"
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", secret.decode())
    notes.add_text("Packed", secret.decode(), zip=True)
    given = png(pnginfo=notes, exif=b"Exif\x00\x00" + secret, icc_profile=secret) + secret
    assert given.count(secret) >= 2
    kept = reencoded(given)
    assert b"script" not in kept
    names = [name for name in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP") if name in kept]
    assert names == []
    assert kept.endswith(chunk(b"IEND", b""))


def test_only_the_first_frame_is_kept() -> None:
    frames = [Image.new("RGB", (5, 5), colour) for colour in ("red", "blue")]
    moving = BytesIO()
    frames[0].save(moving, "PNG", save_all=True, append_images=frames[1:])
    assert b"acTL" in moving.getvalue()
    assert b"acTL" not in reencoded(moving.getvalue())


BOMBS = {
    "a gigapixel": drawn(40_000, 40_000, data=b"\x00"),
    "an honest gigapixel": drawn(30_000, 30_000),
    "just too many pixels": drawn(2_001, 2_000),
    "a long line": drawn(1_000_000, 1),
    "the largest size": drawn(2**31 - 1, 2**31 - 1, data=b"\x00"),
    "no pixels": drawn(0, 0, data=b"\x00"),
    "more pixels than announced": drawn(8, 8, data=bytes(50_000_000)),
    "a text that expands": drawn(8, 8, before=chunk(b"zTXt", b"k\x00\x00" + zlib.compress(bytes(60_000_000), 9))),
    "a profile that expands": drawn(8, 8, before=chunk(b"iCCP", b"k\x00\x00" + zlib.compress(bytes(60_000_000), 9))),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_file_that_expands_is_harmless(bomb: str) -> None:
    """It is refused, or taken as a small image; either way at once."""
    content = BOMBS[bomb]
    assert len(content) <= MAX_BYTES
    kept = outcome(content)
    assert kept == "validation-error" or len(kept) < 1_000


GOOD = png((24, 24), "RGBA")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(8, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=8), st.booleans())
def test_a_damaged_file_is_refused_or_repaired_but_never_an_error(edits: list[tuple[int, int]], cut: bool) -> None:
    content = bytearray(GOOD)
    for place, value in edits:
        content[place] = value
    if cut:
        del content[edits[0][0] :]
    kept = outcome(bytes(content))
    assert kept == "validation-error" or str(kept[:8]) == str(SIGNATURE)


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8\xff\xe0", SIGNATURE, GOOD[:60]],
    ids=["nothing", "gif", "svg", "jpeg", "signature", "half"],
)
def test_what_is_no_png_is_refused(hospital: Hospital, content: bytes) -> None:
    refused = send(hospital, file(content))
    refused.expect(400, "validation-error")
    assert refused.codes == {"logo": "invalid-image"}
    assert not FacilityLogo.objects.exists()


def test_a_file_above_200_kb_is_refused(hospital: Hospital) -> None:
    send(hospital, file(GOOD + bytes(MAX_BYTES - len(GOOD)))).expect(200)
    send(hospital, file(GOOD + bytes(MAX_BYTES + 1 - len(GOOD)))).expect(413, "payload-too-large")
    send(hospital, file(GOOD + bytes(300 * 1024))).expect(413, "payload-too-large")


@pytest.mark.parametrize(
    ("parts", "codes"),
    [
        ([("image", ("logo.png", GOOD, "image/png"))], {"image": "unknown-field"}),
        ([file(GOOD), ("name", (None, "x"))], {"name": "unknown-field"}),
        ([file(GOOD), file(GOOD)], {"logo": "repeated"}),
        ([file(GOOD), ("logo", (None, "x"))], {"logo": "repeated"}),
        ([("logo", (None, "x"))], {"logo": "required"}),
    ],
)
def test_the_form_has_one_field(hospital: Hospital, parts: list[Any], codes: dict[str, str]) -> None:
    refused = send(hospital, *parts)
    refused.expect(400, "validation-error")
    assert refused.codes == codes


@pytest.mark.parametrize(
    ("kind", "content", "status", "code"),
    [
        ("application/json", b"{}", 415, "unsupported-media-type"),
        ("image/png", GOOD, 415, "unsupported-media-type"),
        ("multipart/mixed; boundary=x", GOOD, 415, "unsupported-media-type"),
        ("multipart/form-data", GOOD, 400, "validation-error"),
        ("multipart/form-data; boundary=", GOOD, 400, "validation-error"),
        ("multipart/form-data; boundary=x", GOOD, 400, "validation-error"),
        ("multipart/form-data; boundary=" + "x" * 200, GOOD, 400, "validation-error"),
        ("multipart/form-data; boundary=x; charset=latin-9", b"--x--", 400, "validation-error"),
        ("multipart/form-data; boundary=x", b"", 400, "validation-error"),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 40_000, 400, "validation-error"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 4_000 + b"--x--",
            400,
            "validation-error",
        ),
    ],
)
def test_a_body_of_another_form_is_refused(
    hospital: Hospital, kind: str, content: bytes, status: int, code: str
) -> None:
    hospital.admin.call("POST", path(hospital), content=content, content_type=kind).expect(status, code)


def test_no_other_endpoint_takes_a_form(hospital: Hospital) -> None:
    for to in ("patients/", "doctors/", f"facilities/{hospital.facility['id']}/"):
        refused = send(hospital, file(GOOD), to=to)
        assert refused.status in (405, 415), str(refused)


def test_the_admin_site_shows_the_branding_and_changes_names_and_colour(hospital: Hospital) -> None:
    send(hospital, file(png())).expect(200)
    site = Client()
    site.force_login(User.objects.get(username="contract-admin"))
    page = f"/admin/clinics/facility/{hospital.facility['id']}/change/"
    assert b'<img src="data:image/png;base64,' in site.get(page).content
    form = {"name": "City", "code": "CITY", "display_name": "", "colour": "#0b6e4f"}
    assert site.post(page, form).status_code == 302
    facility = Facility.objects.get()
    assert (facility.name, facility.display_name, facility.colour) == ("City", None, "#0b6e4f")
    assert site.post(page, {**form, "colour": "green"}).status_code == 200
