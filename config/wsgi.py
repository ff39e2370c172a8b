"""The WSGI application that the web server (core.server) calls."""

import os
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config.garbage_collection import leave_what_stays
from core.observability.multiprocess import share_metrics

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
share_metrics(Path(os.environ.get("OPD_DATA_DIR") or ".opd"))

application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - the views are loaded now, not by the first request
leave_what_stays()
