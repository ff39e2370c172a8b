"""URLs of boards, kiosks and tracking links."""

from django.urls import path

from live.api import boards, kiosks, links

urlpatterns = [
    path("tokens/<id:token_id>/link/", links.LinkView.as_view(), name="token-link"),
    path("track/<str:code>/", links.TrackView.as_view(), name="track"),
    path("track/<str:code>/cancel/", links.TrackCancelView.as_view(), name="track-cancel"),
    path("track/<str:code>/check_in/", links.TrackCheckInView.as_view(), name="track-check-in"),
    path("track/<str:code>/let_pass/", links.TrackLetPassView.as_view(), name="track-let-pass"),
    path("boards/", boards.BoardListView.as_view(), name="board-list"),
    path("boards/<id:device_id>/", boards.BoardView.as_view(), name="board-detail"),
    path("boards/<id:device_id>/pair/", boards.BoardPairView.as_view(), name="board-pair"),
    path("boards/<id:device_id>/pairing/", boards.BoardPairedView.as_view(), name="board-pairing"),
    path("boards/<id:device_id>/key/", boards.BoardKeyView.as_view(), name="board-key"),
    path("kiosks/", kiosks.KioskListView.as_view(), name="kiosk-list"),
    path("kiosks/<id:device_id>/", kiosks.KioskView.as_view(), name="kiosk-detail"),
    path("kiosks/<id:device_id>/pair/", kiosks.KioskPairView.as_view(), name="kiosk-pair"),
    path("kiosks/<id:device_id>/pairing/", kiosks.KioskPairedView.as_view(), name="kiosk-pairing"),
    path("kiosks/<id:device_id>/key/", kiosks.KioskKeyView.as_view(), name="kiosk-key"),
    path("kiosk/check_in/", kiosks.KioskCheckInView.as_view(), name="kiosk-check-in"),
    path("kiosk/presence/", kiosks.KioskPresenceView.as_view(), name="kiosk-presence"),
    path("kiosk/pairing/", kiosks.KioskScreenPairingView.as_view(), name="kiosk-screen-pairing"),
    path("board/", boards.BoardShowView.as_view(), name="board-show"),
    path("board/health/", boards.BoardHealthView.as_view(), name="board-health"),
    path("board/pairing/", boards.BoardScreenPairingView.as_view(), name="board-screen-pairing"),
]
