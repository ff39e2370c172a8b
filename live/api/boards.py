"""boards/: administration of boards; board/: what a board itself reads and reports."""

from typing import Any

from accounts.auth.authentication import ApiKeyAuthentication, JWTAuthentication
from core import clock
from core.api import etags
from core.api.answers import Answer
from core.api.commands import write_rows
from core.api.endpoint import Endpoint
from core.api.renderers import to_json
from core.api.request import ApiRequest
from core.api.response_cache import tag_of
from live.api import devices, openapi
from live.api.device_authentication import BoardCookieAuthentication, DeviceKeyAuthentication
from live.api.messages import board_body
from live.api.serializers import BoardSerializer, HealthRequest
from live.board_content import content_of, record_health
from live.models import Board, Pairing


@openapi.device_list("board", BoardSerializer)
class BoardListView(devices.DeviceListView):
    """The boards of the facility."""

    model = Board
    serializer_class = BoardSerializer


@openapi.device_detail("board", BoardSerializer)
class BoardView(devices.DeviceView):
    """One board."""

    model = Board
    serializer_class = BoardSerializer


@openapi.device_pair("board", BoardSerializer)
class BoardPairView(devices.PairView):
    """Pair the screen that shows a code with a board."""

    model = Board
    serializer_class = BoardSerializer


@openapi.device_pairing("board")
class BoardPairedView(devices.PairedView):
    """The pairing of a board."""

    model = Board
    serializer_class = BoardSerializer


@openapi.device_key("board")
class BoardKeyView(devices.KeyView):
    """The key of a board."""

    model = Board
    serializer_class = BoardSerializer


@openapi.screen_pairing("board")
class BoardScreenPairingView(devices.ScreenPairingView):
    """The pairing of the browser that shall become a board."""

    kind = Pairing.Kind.BOARD


class BoardEndpoint(Endpoint):
    """A route for the board itself."""

    authentication_classes = [
        JWTAuthentication,
        ApiKeyAuthentication,
        DeviceKeyAuthentication,
        BoardCookieAuthentication,
    ]
    capability = "board.show"


@openapi.board_show
class BoardShowView(BoardEndpoint):
    """What the board shows."""

    def get(self, request: ApiRequest) -> Answer:
        board, now = request.device, clock.now()
        body = board_body(board, content_of(board, now=now), now=now)
        tag = tag_of({name: value for name, value in body.items() if name != "now"})
        if etags.is_named(tag, request.META.get("HTTP_IF_NONE_MATCH")):
            return etags.not_modified(tag=tag)
        return etags.answer(tag=tag, body=to_json(body))


@openapi.board_health
class BoardHealthView(BoardEndpoint):
    """The health of the screen."""

    def post(self, request: ApiRequest) -> Answer:
        report: dict[str, Any] = HealthRequest.read_body(request.data)
        board: Board = request.device
        return write_rows(request, lambda: record_health(board, **report), lambda _: Answer(204))
