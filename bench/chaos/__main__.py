"""The command line of the fault injection: `python -m bench.chaos`."""

import argparse
import logging
import os
import random
import sys

import django
from rich.console import Console


def main() -> int:
    """Inject faults under load; return 0 if nothing was lost, sold twice or answered wrongly, else 1."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="length of each fault in seconds (10)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all faults, each in another order (3)")
    parser.add_argument("--clients", type=int, default=32, help="number of clients (32)")
    parser.add_argument("--think", type=float, default=0.1, help="mean seconds between two requests of a client (0.1)")
    parser.add_argument("--faults", help="names of the faults, comma-separated (all)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the order of the faults (1)")
    parser.add_argument("--list", action="store_true", help="list the faults and exit")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    django.setup()
    logging.disable(logging.WARNING)

    from bench.chaos.nemesis import FAULTS
    from bench.chaos.playing import perform
    from bench.chaos.system import running_system
    from bench.chaos.table import show

    console = Console()
    if options.list:
        for fault in FAULTS:
            console.print(f"{fault.name:<24}{fault.description}")
        return 0
    wanted = options.faults.split(",") if options.faults else [fault.name for fault in FAULTS]
    chosen = [fault for fault in FAULTS if fault.name in wanted]
    unknown = sorted(set(wanted) - {fault.name for fault in chosen})
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)} (see --list)")
    good = True
    order = random.Random(options.seed)
    with running_system() as system:
        for number in range(options.rounds):
            console.rule(f"round {number + 1} of {options.rounds}")
            performance = perform(
                system,
                chosen,
                seconds=options.seconds,
                clients=options.clients,
                think=options.think,
                tell=console.print,
            )
            show(performance, console)
            good = good and performance.is_good
            order.shuffle(chosen)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
