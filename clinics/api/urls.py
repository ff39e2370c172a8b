"""Where facilities and doctors answer."""

from django.urls import path

from clinics.api import views

urlpatterns = [
    path("facilities/", views.FacilityListView.as_view(), name="facility-list"),
    path("facilities/<id:facility_id>/", views.FacilityView.as_view(), name="facility-detail"),
    path("doctors/", views.DoctorListView.as_view(), name="doctor-list"),
    path("doctors/<id:doctor_id>/", views.DoctorView.as_view(), name="doctor-detail"),
]
