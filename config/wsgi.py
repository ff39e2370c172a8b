"""The WSGI application that the web server (core.server) calls."""

import os
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config.garbage_collection import freeze_startup_objects
from core.observability.multiprocess import share_metrics

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
share_metrics(Path(os.environ.get("OPD_DATA_DIR") or ".opd"))

application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - load the views now, not with the first request
freeze_startup_objects()
