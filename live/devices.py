"""Boards and kiosks: create, change and remove them, pair their screens, and issue their keys."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from accounts.access.scoping import in_facility
from accounts.audit.security_log import digest, log_event
from accounts.limits.attempts import Limit
from clinics.rooms import check_rooms
from core import clock
from core.errors import NotFound, Throttled
from live.errors import WrongPairingCode
from live.models import Board, Device, Kiosk, Pairing
from live.secrets import hash_of, new_seed, secret_of
from tokens import rules

CODE_LIFETIME = timedelta(minutes=10)
REPORTS_EVERY = timedelta(seconds=15)
SILENCE = timedelta(seconds=60)
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without I, O, 0 and 1, which look alike
CODE_LENGTH = 6
_GUESSES_OF_CALLER = Limit("pairing-caller", 10)
_GUESSES_FOR_DEVICE = Limit("pairing-device", 10)

D = TypeVar("D", bound=Device)
_MODELS: dict[str, type[Device]] = {Pairing.Kind.BOARD: Board, Pairing.Kind.KIOSK: Kiosk}
_KINDS: dict[type[Device], Pairing.Kind] = {Board: Pairing.Kind.BOARD, Kiosk: Pairing.Kind.KIOSK}


def create_device(model: type[D], *, facility_id: UUID, **fields: Any) -> D:
    """Add a board or a kiosk; raise NotFound for a room that the facility does not have."""
    if not fields.get("languages"):
        fields["languages"] = list(rules.of(facility_id).languages)
    check_rooms(facility_id=facility_id, room_ids=fields.get("rooms", []))
    return model.objects.create(facility_id=facility_id, created_at=clock.now(), **fields)  # type: ignore[attr-defined,no-any-return]


def change_device(device: D, *, changes: Mapping[str, Any]) -> D:
    """Change a locked board or kiosk; raise NotFound for a room that the facility does not have."""
    check_rooms(facility_id=device.facility_id, room_ids=changes.get("rooms", []))
    for name, value in changes.items():
        setattr(device, name, value)
    device.save(update_fields=sorted(changes))
    return device


def new_pairing(kind: str) -> tuple[str, str, Pairing]:
    """Create a pairing for a screen that is not paired; return its code, the secret of its cookie, and the row."""
    secret, now = secret_of(new_seed()), clock.now()
    while True:
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        Pairing.objects.filter(kind=kind, code_hash=_code_hash(kind, code), expires_at__lte=now).delete()
        pairing, made = Pairing.objects.get_or_create(
            kind=kind,
            code_hash=_code_hash(kind, code),
            defaults={"cookie_sha256": hash_of(secret), "expires_at": now + CODE_LIFETIME},
        )
        if made:
            return code, secret, pairing


def pairing_of(kind: str, secret: str) -> tuple[bool, Pairing | None]:
    """Return whether the screen with this cookie is paired, and its pairing while its code can be entered."""
    cookie = hash_of(secret)
    paired = _MODELS[kind].objects.filter(cookie_sha256=cookie).exists()  # type: ignore[attr-defined]
    waiting = Pairing.objects.filter(kind=kind, cookie_sha256=cookie, expires_at__gt=clock.now())
    return paired, waiting.first()


def pair(device: D, *, code: str) -> D:
    """Pair the screen that shows this code with a locked device, in place of the one before.

    Raise WrongPairingCode for a code that is unknown, expired or used.
    """
    kind = _KINDS[type(device)]
    text = code.replace(" ", "").upper()
    pairings = Pairing.objects.select_for_update().filter(kind=kind, expires_at__gt=clock.now())
    pairing = pairings.filter(code_hash=_code_hash(kind, text)).first()
    if pairing is None:
        raise WrongPairingCode
    device.cookie_sha256, device.last_seen = pairing.cookie_sha256, None
    pairing.delete()
    device.save(update_fields=["cookie_sha256", "last_seen"])
    log_event("device_paired", device=device.pk)
    return device


def count_guess(*, device_id: UUID, caller: str) -> None:
    """Count an attempt to pair; raise Throttled if this caller, or all callers for this device, have made too many."""
    for limit, key in ((_GUESSES_OF_CALLER, caller), (_GUESSES_FOR_DEVICE, str(device_id))):
        if limit.count(key) > limit.max_attempts:
            raise Throttled(retry_after=limit.seconds_locked(key))


def forget_guesses(*, device_id: UUID, caller: str) -> None:
    """Forget the attempts after a successful one."""
    _GUESSES_OF_CALLER.clear(caller)
    _GUESSES_FOR_DEVICE.clear(str(device_id))


def unpair(device: Device) -> None:
    """End the pairing of a locked device; its cookie is no longer accepted."""
    device.cookie_sha256 = None
    device.save(update_fields=["cookie_sha256"])
    log_event("device_unpaired", device=device.pk)


def issue_key(device: Device) -> str:
    """Give a locked device a new key in place of the one before; return the seed of its secret."""
    seed = new_seed()
    device.key_sha256 = hash_of(secret_of(seed))
    device.save(update_fields=["key_sha256"])
    log_event("device_key_made", device=device.pk)
    return seed


def key_text(model: type[Device], seed: str) -> str:
    """Return the text of the key with this seed, which is shown once."""
    return f"{key_prefix(model)}{secret_of(seed)}"


def key_prefix(model: type[Device]) -> str:
    """Return what the keys of these devices begin with."""
    return f"opd_{_KINDS[model]}_"


def with_key(model: type[D], key: str) -> D | None:
    """Return the device with this key, with its facility."""
    secret = key.removeprefix(key_prefix(model))
    return all_devices(model).filter(key_sha256=hash_of(secret)).first()  # type: ignore[no-any-return]


def with_cookie(model: type[D], secret: str) -> D | None:
    """Return the device that is paired with the browser with this cookie, with its facility."""
    return all_devices(model).filter(cookie_sha256=hash_of(secret)).first()  # type: ignore[no-any-return]


def locked_device(model: type[D], *, device_id: UUID, facility_id: UUID | None) -> D:
    """Return a device of the facility (None: of any), locked until the transaction ends; raise NotFound."""
    devices = in_facility(all_devices(model), facility_id).select_for_update(of=("self",))
    device: D | None = devices.filter(pk=device_id).first()
    if device is None:
        raise NotFound
    return device


def note_seen(device: Device, *, now: datetime) -> None:
    """Record that the device was heard from, at most every 15 seconds."""
    if device.last_seen is None or now - device.last_seen >= REPORTS_EVERY:
        all_devices(type(device)).filter(pk=device.pk).update(last_seen=now)


def is_healthy(device: Device, *, now: datetime) -> bool:
    """Return whether the device was heard from within the last SILENCE."""
    return device.last_seen is not None and now - device.last_seen <= SILENCE


def delete_expired_pairings() -> int:
    """Delete pairings whose code has expired; return the number of rows."""
    return Pairing.objects.filter(expires_at__lte=clock.now()).delete()[0]


def all_devices(model: type[Device]) -> Any:
    """Return the devices of all facilities, each with its facility."""
    return model.objects.select_related("facility")  # type: ignore[attr-defined]


def _code_hash(kind: str, code: str) -> str:
    return digest("pairing", kind, code)
