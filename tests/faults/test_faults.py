"""A short run of `python -m bench.chaos`: every fault once, under 32 clients, on real servers.

One test, because all faults are injected into one system that is never restarted.
"""

from rich.console import Console

from bench.chaos.nemesis import FAULTS
from bench.chaos.playing import perform
from bench.chaos.system import running_system
from bench.chaos.table import show

SECONDS = 2.5
WITHOUT_REDIS = ("redis-killed", "redis-frozen", "redis-flushed", "redis-unreachable")


def test_nothing_acknowledged_is_lost_and_nothing_happens_twice() -> None:
    with running_system() as system:
        performance = perform(system, FAULTS, seconds=SECONDS)
    show(performance, Console(width=120))
    verdicts = {verdict.fault: verdict for verdict in performance.verdicts}
    assert list(verdicts) == [fault.name for fault in FAULTS]
    assert {name: verdict.lost for name, verdict in verdicts.items() if verdict.lost} == {}
    assert {name: verdict.sold_twice for name, verdict in verdicts.items() if verdict.sold_twice} == {}
    assert {name: verdict.wrong for name, verdict in verdicts.items() if verdict.wrong} == {}
    assert performance.broken == []
    assert min(verdict.acknowledged for verdict in verdicts.values()) > 10
    # An outage of Redis affects clients far less than an outage of the database.
    for name in WITHOUT_REDIS:
        assert verdicts[name].acknowledged * 4 > verdicts["calm"].acknowledged, name
    # Requests whose connection was cut got their result when repeated.
    assert verdicts["answers-cut"].regained > 0
