"""URLs of rooms and of the lists of facilities and doctors; the URLs of a single one are in `tokens.api.urls`."""

from django.urls import path

from clinics.api import rooms, views
from clinics.api.logo import LogoView

urlpatterns = [
    path("facilities/", views.FacilityListView.as_view(), name="facility-list"),
    path("facilities/<id:facility_id>/logo/", LogoView.as_view(), name="facility-logo"),
    path("doctors/", views.DoctorListView.as_view(), name="doctor-list"),
    path("rooms/", rooms.RoomListView.as_view(), name="room-list"),
    path("rooms/<id:room_id>/", rooms.RoomView.as_view(), name="room-detail"),
]
