"""A long load on the engine, to see whether a web worker's memory grows."""

import time

from rich.console import Console

from bench.measuring import measure
from bench.scenarios import Size, scenarios
from bench.servers import Stage
from bench.target import Target

LIMIT_MIB = 200.0
GROWTH_MIB = 10.0


def soak(stage: Stage, target: Target, *, size: Size, minutes: float, console: Console) -> int:
    """Load for that long; 1 if a worker grows by more than GROWTH_MIB after the first fifth, or beyond LIMIT_MIB."""
    played = [each for each in scenarios(size) if each.name in ("MIXED", "SPREAD", "HOT+KEY", "QUEUE+WRITE")]
    began, settled, sizes = time.monotonic(), 0.0, []
    while (elapsed := time.monotonic() - began) < minutes * 60:
        for scenario in played:
            target.sign_in()
            ready = scenario.prepare(target, size)
            made, _ = measure(
                stage,
                scenario=scenario.name,
                target=target.name,
                requests=[*ready.warm, *ready.requests],
                clients=ready.clients,
                seconds=10.0,
            )
            told = f"{scenario.name:<12} {made.rate:7.0f}/s  {made.worker_mib:6.1f} MiB {made.note}"
            console.print(f"{elapsed / 60:5.1f} min  {told}", highlight=False)
            sizes.append(made.worker_mib)
        if not settled and elapsed > minutes * 12:
            settled = sizes[-1]
    grown = sizes[-1] - (settled or sizes[0])
    console.print(f"A worker has {sizes[-1]:.1f} MiB at the end, {grown:+.1f} MiB since the first fifth.")
    return 0 if max(sizes) < LIMIT_MIB and grown < GROWTH_MIB else 1
