"""What boards/ and kiosks/ have in common: the administration of the devices, and the pairing of their screens."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import orjson
from rest_framework.permissions import AllowAny

from accounts.access.principal import principal_of
from accounts.access.scoping import facility_of_new_row, scoped
from accounts.audit.read_trail import attributed
from accounts.auth.cookies import refuse_other_sites
from accounts.limits.rates import throttle_address
from core.api.answers import Answer
from core.api.commands import write_rows
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.errors import NotFound
from live import devices
from live.api.device_authentication import cookie_of, set_cookie
from live.api.messages import KeyMessage, PairingMessage, PairingStatusMessage
from live.api.serializers import DeviceFilters, NothingRequest, PairRequest
from live.models import Device


class DeviceEndpoint(Endpoint):
    """A route of the administration of one kind of device."""

    model: ClassVar[type[Device]]
    serializer_class: Any
    capabilities = {
        "GET": "devices.read",
        "POST": "devices.write",
        "PATCH": "devices.write",
        "DELETE": "devices.write",
    }

    def shown(self, device: Device, *, status: int = 200) -> Answer:
        """Return the answer with a device."""
        context = {"zone": device.facility.time_zone}
        return Answer(status, self.serializer_class(device, context=context).data)

    def fields(self, request: ApiRequest, *, partly: bool = False) -> dict[str, Any]:
        """Return the validated fields of the body."""
        body = self.serializer_class(data=request.data, partial=partly)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def change(
        self, request: ApiRequest, device_id: UUID, work: Callable[[Device], Any], form: Callable[[Any], Answer]
    ) -> Answer:
        """Lock the device, run the work on it and answer with its result; raise NotFound."""
        facility_id = principal_of(request).facility_id

        def locked() -> Any:
            return work(devices.locked_device(self.model, device_id=device_id, facility_id=facility_id))

        with attributed(request):
            return write_rows(request, locked, form)


class DeviceListView(DeviceEndpoint):
    """The devices of the facility."""

    def get(self, request: ApiRequest) -> Answer:
        DeviceFilters.read(request)
        page = self.paginate_queryset(scoped(devices.all_devices(self.model), principal_of(request))) or []
        return self.get_paginated_response([self.shown(device).body for device in page])

    def post(self, request: ApiRequest) -> Answer:
        fields, facility_id = self.fields(request), facility_of_new_row(principal_of(request), None)
        work = partial(devices.create_device, self.model, facility_id=facility_id, **fields)
        with attributed(request):
            return write_rows(request, work, partial(self.shown, status=201))


class DeviceView(DeviceEndpoint):
    """One device."""

    def get(self, request: ApiRequest, device_id: UUID) -> Answer:
        device = scoped(devices.all_devices(self.model), principal_of(request)).filter(pk=device_id).first()
        if device is None:
            raise NotFound
        return self.shown(device)

    def patch(self, request: ApiRequest, device_id: UUID) -> Answer:
        fields = self.fields(request, partly=True)
        return self.change(request, device_id, lambda device: devices.change_device(device, changes=fields), self.shown)

    def delete(self, request: ApiRequest, device_id: UUID) -> Answer:
        return self.change(request, device_id, lambda device: device.delete(), lambda _: Answer(204))


class PairView(DeviceEndpoint):
    """Pair the screen that shows a code."""

    def post(self, request: ApiRequest, device_id: UUID) -> Answer:
        code, caller = PairRequest.read_body(request.data)["code"], principal_of(request).actor
        devices.count_guess(device_id=device_id, caller=caller)
        answer = self.change(request, device_id, lambda device: devices.pair(device, code=code), self.shown)
        devices.forget_guesses(device_id=device_id, caller=caller)
        return answer


class PairedView(DeviceEndpoint):
    """The pairing of a device."""

    def delete(self, request: ApiRequest, device_id: UUID) -> Answer:
        return self.change(request, device_id, devices.unpair, lambda _: Answer(204))


class KeyView(DeviceEndpoint):
    """The key of a device: a new one replaces the one before."""

    def post(self, request: ApiRequest, device_id: UUID) -> Answer:
        NothingRequest.read_body(request.data)
        answer = self.change(request, device_id, devices.issue_key, lambda seed: Answer(200, {"seed": seed}))
        stored: Any = orjson.loads(answer.body) if isinstance(answer.body, bytes) else answer.body
        key = KeyMessage.write(None, key=devices.key_text(self.model, stored["seed"]))
        return Answer(answer.status, key, answer.headers)


class ScreenPairingView(Endpoint):
    """The pairing of the calling browser, which needs no credentials."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    kind: ClassVar[str]

    def get(self, request: ApiRequest) -> Answer:
        secret = cookie_of(request, self.kind)
        paired, pairing = devices.pairing_of(self.kind, secret) if secret else (False, None)
        expires_at = None if pairing is None else pairing.expires_at.isoformat()
        return Answer(200, PairingStatusMessage.write(None, paired=paired, expires_at=expires_at))

    def post(self, request: ApiRequest) -> Answer:
        NothingRequest.read_body(request.data)
        refuse_other_sites(request)
        throttle_address(request, "pairing")
        code, secret, pairing = devices.new_pairing(self.kind)
        body = PairingMessage.write(None, code=code, expires_at=pairing.expires_at.isoformat())
        return Answer(201, body, set_cookie(request, self.kind, secret))
