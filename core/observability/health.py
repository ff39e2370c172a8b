"""The endpoints for liveness, readiness and metrics."""

import os
from pathlib import Path

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess

from core.api import problem_details
from core.db import replica
from core.errors import Unavailable
from core.observability.metrics import measured_when_asked
from core.observability.multiprocess import is_alive
from core.redis import lock


@csrf_exempt
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Return 200 as long as the process can answer."""
    return JsonResponse({"status": "ok"})


@csrf_exempt
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Return 200 if the database answers, so that bookings can be taken; without Redis or a replica they are slower."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        read_from = {"replica": _status(replica.is_well())} if replica.is_configured() else {}
    except Error:
        return problem_details.of_exception(Unavailable("The database does not answer.", database="unavailable"))
    redis_lock = lock.default_lock()
    redis_ok = not redis_lock.breaker.is_open and redis_lock.is_well()
    return JsonResponse({"status": "ok", "database": "ok", "redis": _status(redis_ok), **read_from})


def _status(ok: bool) -> str:
    return "ok" if ok else "degraded"


@csrf_exempt
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics in Prometheus' text format, summed over all worker processes of this server."""
    counted = generate_latest(_counted())
    measured = CollectorRegistry()
    for collector in measured_when_asked:
        measured.register(collector)
    return HttpResponse(counted + generate_latest(measured), content_type=CONTENT_TYPE_LATEST)


def _counted() -> CollectorRegistry:
    """Return what the processes counted; files of processes that have ended are left out of the live gauges."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return REGISTRY
    for file in Path(folder).glob("gauge_live*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit() and not is_alive(int(pid)):
            multiprocess.mark_process_dead(int(pid))
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return registry
