"""The limit of the load generator: the same load against a server that does no work."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from bench import http_messages
from bench.load import Job, run
from bench.measuring import Measure, of_outcome
from bench.servers import HOST


@contextlib.contextmanager
def responder() -> Iterator[int]:
    """Start a responder and yield its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.responder"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=10)


def ceiling(*, seconds: float, clients: int = 64) -> Measure:
    """Measure the highest rate and the lowest latency that the load generator can show."""
    one = http_messages.request(
        "POST", "/api/v1/tokens/", host=HOST, authorization="x" * 400, body={"slot_id": "x" * 36}
    )
    with responder() as port:
        outcome = run(Job(HOST, port, [one], clients, seconds=seconds, repeat=True))
    made = of_outcome(outcome, scenario="LOAD", target="ceiling")
    made.load_ms = outcome.cpu_seconds * 1000 / max(1, made.requests)
    return made
