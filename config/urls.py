"""The root URLconf."""

from django.contrib import admin
from django.urls import include, path

from core.api import docs, problem_details
from core.api.front_page import front_page
from core.observability import health

# The most used first: Django takes the first pattern that matches.
API_APPS = ["tokens", "patients", "clinics", "accounts", "reports", "live", "waitlist", "events"]

urlpatterns = [
    path("", front_page, name="front"),
    path("api/v1/", include([path("", include(f"{app}.api.urls")) for app in API_APPS])),
    path("api/schema/", docs.SchemaView.as_view(), name="schema"),
    path("api/docs/", docs.swagger_ui, name="docs"),
    path("healthz/live", health.live, name="live"),
    path("healthz/ready", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
]

handler400 = problem_details.bad_request
handler403 = problem_details.permission_denied
handler404 = problem_details.not_found
handler500 = problem_details.server_error
