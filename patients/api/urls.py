"""URLs of patients."""

from django.urls import path

from patients.api import views

urlpatterns = [
    path("patients/", views.PatientListView.as_view(), name="patient-list"),
    path("patients/<id:patient_id>/", views.PatientView.as_view(), name="patient-detail"),
]
