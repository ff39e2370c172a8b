"""A long load on the engine, which shows whether the memory of a web worker grows."""

import time

from rich.console import Console

from bench.measuring import measure
from bench.scenarios import Size, scenarios
from bench.servers import Stage
from bench.target import Target

LIMIT_MIB = 200.0
GROWTH_MIB = 10.0


def soak(stage: Stage, target: Target, *, size: Size, minutes: float, console: Console) -> int:
    """Load the engine for `minutes`; return 0 if the workers stay below LIMIT_MIB and stop growing, else 1.

    A worker may grow by less than GROWTH_MIB after the first fifth of the time.
    """
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
            line = f"{scenario.name:<12} {made.rate:7.0f}/s  {made.worker_mib:6.1f} MiB {made.note}"
            console.print(f"{elapsed / 60:5.1f} min  {line}", highlight=False)
            sizes.append(made.worker_mib)
        if not settled and elapsed > minutes * 12:
            settled = sizes[-1]
    grown = sizes[-1] - (settled or sizes[0])
    console.print(f"The largest worker uses {sizes[-1]:.1f} MiB at the end, {grown:+.1f} MiB since the first fifth.")
    return 0 if max(sizes) < LIMIT_MIB and grown < GROWTH_MIB else 1
