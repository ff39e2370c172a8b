"""The endpoints for liveness, readiness and metrics."""

import os
from pathlib import Path

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess

from core.api import problem_details
from core.db import replica
from core.errors import Unavailable
from core.observability.multiprocess import is_alive
from core.redis import lock


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Return 200 as long as the process can answer."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Return 200 if the database answers, so that bookings can be taken; without Redis or a replica they are slower."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        read_from = {"replica": _status(replica.is_well())} if replica.is_configured() else {}
    except DatabaseError:
        return problem_details.of_exception(Unavailable("The database does not answer.", database="unavailable"))
    gate = lock.default_gate()
    redis_ok = not gate.breaker.is_open and gate.is_well()
    return JsonResponse({"status": "ok", "database": "ok", "redis": _status(redis_ok), **read_from})


def _status(ok: bool) -> str:
    return "ok" if ok else "degraded"


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics in Prometheus' text format, summed over all worker processes of this server."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
    for file in Path(folder).glob("gauge_live*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit() and not is_alive(int(pid)):
            multiprocess.mark_process_dead(int(pid))
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
