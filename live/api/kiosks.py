"""kiosks/: administration of kiosks; kiosk/: what a kiosk itself calls."""

from functools import partial

from accounts.access.principal import principal_of
from accounts.auth.authentication import ApiKeyAuthentication, JWTAuthentication
from core import clock
from core.api.answers import Answer
from core.api.commands import write
from core.api.endpoint import Endpoint
from core.api.request import ApiRequest
from core.local_time import zone_info
from live.api import devices, openapi
from live.api.device_authentication import DeviceKeyAuthentication, KioskCookieAuthentication
from live.api.messages import PresenceMessage, outcome_body
from live.api.serializers import KioskCheckInRequest, KioskSerializer
from live.devices import note_seen
from live.kiosk_check_in import Attempt, arrived, check_in
from live.models import Kiosk, Pairing
from live.presence import code_at
from tokens import rules


@openapi.device_list("kiosk", KioskSerializer)
class KioskListView(devices.DeviceListView):
    """The kiosks of the facility."""

    model = Kiosk
    serializer_class = KioskSerializer


@openapi.device_detail("kiosk", KioskSerializer)
class KioskView(devices.DeviceView):
    """One kiosk."""

    model = Kiosk
    serializer_class = KioskSerializer


@openapi.device_pair("kiosk", KioskSerializer)
class KioskPairView(devices.PairView):
    """Pair the screen that shows a code with a kiosk."""

    model = Kiosk
    serializer_class = KioskSerializer


@openapi.device_pairing("kiosk")
class KioskPairedView(devices.PairedView):
    """The pairing of a kiosk."""

    model = Kiosk
    serializer_class = KioskSerializer


@openapi.device_key("kiosk")
class KioskKeyView(devices.KeyView):
    """The key of a kiosk."""

    model = Kiosk
    serializer_class = KioskSerializer


@openapi.screen_pairing("kiosk")
class KioskScreenPairingView(devices.ScreenPairingView):
    """The pairing of the browser that shall become a kiosk."""

    kind = Pairing.Kind.KIOSK


class KioskEndpoint(Endpoint):
    """A route for the kiosk itself."""

    authentication_classes = [
        JWTAuthentication,
        ApiKeyAuthentication,
        DeviceKeyAuthentication,
        KioskCookieAuthentication,
    ]
    capability = "kiosk.check_in"


@openapi.kiosk_check_in
class KioskCheckInView(KioskEndpoint):
    """Check-in of a patient."""

    def post(self, request: ApiRequest) -> Answer:
        attempt = Attempt(**KioskCheckInRequest.read_body(request.data))
        work = partial(check_in, request.device.pk, attempt, actor=principal_of(request).actor)
        return write(request, work, lambda result: Answer(200, outcome_body(arrived(result))))


@openapi.kiosk_presence
class KioskPresenceView(KioskEndpoint):
    """The code that the kiosk shows."""

    def get(self, request: ApiRequest) -> Answer:
        kiosk, now = request.device, clock.now()
        note_seen(kiosk, now=now)
        code, expires_at = code_at(kiosk, now=now)
        if not rules.of(kiosk.facility_id).kiosk_presence:
            return Answer(200, PresenceMessage.write(None, presence=None, expires_at=None))
        zone = zone_info(kiosk.facility.time_zone)
        body = PresenceMessage.write(None, presence=code, expires_at=expires_at.astimezone(zone).isoformat())
        return Answer(200, body)
