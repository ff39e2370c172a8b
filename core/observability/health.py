"""Is it alive, is it ready, how is it doing."""

import os
from pathlib import Path

from django.db import DatabaseError, connection
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
    """200 while the process can answer at all."""
    return JsonResponse({"status": "ok"})


@csrf_exempt
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 while bookings can be taken: the database answers; without Redis or a replica all is only slower."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        read_from = {"replica": _told(replica.is_well())} if replica.is_configured() else {}
    except DatabaseError:
        return problem_details.of_exception(Unavailable("The database does not answer.", database="unavailable"))
    gate = lock.default_gate()
    well = not gate.breaker.is_open and gate.is_well()
    return JsonResponse({"status": "ok", "database": "ok", "redis": _told(well), **read_from})


def _told(well: bool) -> str:
    return "ok" if well else "degraded"


@csrf_exempt
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text, summed over all worker processes of this server."""
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
    for left in Path(folder).glob("gauge_live*.db"):
        pid = left.stem.rpartition("_")[2]
        if pid.isdigit() and not is_alive(int(pid)):
            multiprocess.mark_process_dead(int(pid))
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return registry
