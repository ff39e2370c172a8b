"""python -m bench.chaos"""

import argparse
import logging
import os
import random
import sys

import django
from rich.console import Console


def main() -> int:
    """Break things for a while; the exit code is 0 when nothing was lost, sold twice or wrongly answered."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each fault (10)")
    parser.add_argument("--rounds", type=int, default=3, help="of all faults, each in another order (3)")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--think", type=float, default=0.1, help="seconds between two things a client asks (0.1)")
    parser.add_argument("--faults", help="names, comma-separated; without it all of them")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the faults")
    parser.add_argument("--list", action="store_true", help="name the faults and end")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    django.setup()
    logging.disable(logging.WARNING)

    from bench.chaos.nemesis import FAULTS
    from bench.chaos.playing import perform
    from bench.chaos.system import running_system
    from bench.chaos.table import show

    console = Console()
    if asked.list:
        for fault in FAULTS:
            console.print(f"{fault.name:<24}{fault.told}")
        return 0
    wanted = asked.faults.split(",") if asked.faults else [fault.name for fault in FAULTS]
    chosen = [fault for fault in FAULTS if fault.name in wanted]
    unknown = sorted(set(wanted) - {fault.name for fault in chosen})
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)} (see --list)")
    good = True
    order = random.Random(asked.seed)
    with running_system() as system:
        for number in range(asked.rounds):
            console.rule(f"round {number + 1} of {asked.rounds}")
            performance = perform(
                system, chosen, seconds=asked.seconds, clients=asked.clients, think=asked.think, tell=console.print
            )
            show(performance, console)
            good = good and performance.is_good
            order.shuffle(chosen)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
