"""URLs of boards, kiosks and tracking links."""

from django.urls import path

from live.api import links

urlpatterns = [
    path("tokens/<id:token_id>/link/", links.LinkView.as_view(), name="token-link"),
    path("track/<str:code>/", links.TrackView.as_view(), name="track"),
    path("track/<str:code>/cancel/", links.TrackCancelView.as_view(), name="track-cancel"),
    path("track/<str:code>/check_in/", links.TrackCheckInView.as_view(), name="track-check-in"),
]
