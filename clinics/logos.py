"""The logos of facilities: PNG images that the server has decoded and encoded again."""

import hashlib
from io import BytesIO
from typing import Any
from uuid import UUID

from PIL import Image

from clinics.models import Facility, FacilityLogo
from core import clock
from core.errors import NotFound, PayloadTooLarge, ValidationFailed

MAX_BYTES = 200 * 1024
MAX_PIXELS = 4_000_000
"""16 MB when decoded: a file of 200 KB can hold an image of gigabytes."""
MAX_SIDE = 10_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""The kinds of pixels that are stored as they are."""


def set_logo(*, facility_id: UUID, png: bytes) -> Facility:
    """Store the logo of a facility, encoded again; raise NotFound, PayloadTooLarge or ValidationFailed."""
    facility = _locked(facility_id)
    FacilityLogo.objects.update_or_create(
        facility=facility, defaults={"content": png, "digest": hashlib.sha256(png).hexdigest(), "set_at": clock.now()}
    )
    return facility


def delete_logo(*, facility_id: UUID) -> None:
    """Delete the logo of a facility; raise NotFound if there is none."""
    deleted, _ = FacilityLogo.objects.filter(facility=_locked(facility_id)).delete()
    if not deleted:
        raise NotFound


def reencoded(content: bytes) -> bytes:
    """Return a PNG file as this server encodes it: the pixels, without metadata, further frames and trailing bytes.

    Raise PayloadTooLarge above 200 KB, and ValidationFailed for anything but a PNG image of at most 4,000,000 pixels.
    """
    if len(content) > MAX_BYTES:
        raise PayloadTooLarge("A logo may have at most 200 KB.")
    if not content.startswith(_SIGNATURE):
        raise _refusal("invalid-image", "The logo must be a PNG image.")
    try:
        return _encoded(Image.open(BytesIO(content), formats=["PNG"]))
    except ValidationFailed:
        raise
    except Exception as error:  # Pillow raises whatever its decoder runs into
        raise _refusal("invalid-image", "The PNG image is damaged.") from error


def _encoded(image: Any) -> bytes:
    """Return the image as a PNG file. Opening it has read its header; the pixels are decoded here."""
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise _refusal("too-many-pixels", "A logo may have at most 4,000,000 pixels, and 10,000 in a row.")
    image.load()
    if image.mode not in _MODES:  # greys of 16 bits, whose conversion would cut each at 255
        image = image.convert("I").point(lambda grey: grey / 256).convert("L")
    image.info = {name: image.info[name] for name in ("transparency",) if name in image.info}
    file = BytesIO()
    image.save(file, format="PNG", optimize=True)
    return file.getvalue()


def _locked(facility_id: UUID) -> Facility:
    facility = Facility.objects.select_for_update(no_key=True).filter(pk=facility_id).first()
    if facility is None:
        raise NotFound
    return facility


def _refusal(code: str, detail: str) -> ValidationFailed:
    return ValidationFailed.of("logo", code, detail)
