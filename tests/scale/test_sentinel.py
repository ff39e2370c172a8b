"""Sentinel failover: the Redis primary is killed, bookings continue, and the lock moves to the new primary."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from bench.chaos.nemesis import Fault, holds_end
from bench.chaos.playing import perform
from bench.chaos.system import System, running_system
from devserver.project import ROOT
from tests.scale.helpers import ONE_PROCESS, counted
from tests.support.eventually import eventually
from tests.support.sentinels import Watched, watched_redis

LONGEST_GAP = 4
"""Seconds in which nobody is told that a booking was made (measured: half a second)."""

COUNTED_AND_KEPT = """
import django; django.setup()
from django.conf import settings
from django.core.cache import cache
from accounts.limits.rates import Counter
counter = Counter(settings.REDIS_URL)
assert counter.hit("sentinel", limit=1, seconds=60) is None
assert counter.hit("sentinel", limit=1, seconds=60) > 0
cache.set("sentinel", "kept")
assert cache.get("sentinel") == "kept"
"""


def passages(system: System, how: str) -> float:
    """Return how many requests passed the Redis lock with this outcome."""
    return counted(system.web, "opd_gate_passages_total", f'how="{how}"')


def test_bookings_go_on_while_another_redis_takes_over() -> None:
    places: list[Watched] = []

    @contextlib.contextmanager
    def sentinels(system: System) -> Iterator[dict[str, str]]:
        with watched_redis(system.folder) as watched:
            places.append(watched)
            yield {"REDIS_URL": watched.url, **ONE_PROCESS}

    def fail_over(system: System, seconds: float) -> None:
        (watched,) = places
        eventually(lambda: passages(system, "held") > 20)
        before = passages(system, "away")
        watched.primary.kill()
        eventually(lambda: watched.primary_port() == watched.replica.port)
        assert passages(system, "away") > before, "nobody noticed that the primary had gone"
        held = passages(system, "held")
        eventually(lambda: passages(system, "held") > held + 20)

    with running_system(beside=sentinels, celery=False) as system:
        for name in ("worker", "beat1"):
            system.start_celery(name)
        fault = Fault("redis-failed-over", "Redis: kill -9 of the primary, and a replica takes over", fail_over)
        performance = perform(system, [fault])
        (verdict,) = performance.verdicts
        assert verdict.is_good, verdict
        assert performance.broken == []
        assert verdict.longest_gap < LONGEST_GAP
        holds_end(system)  # so the worker and the beat have found the new primary too
        subprocess.run([sys.executable, "-c", COUNTED_AND_KEPT], env=system.environ, cwd=ROOT, check=True)
