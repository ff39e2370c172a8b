#!/usr/bin/env python3
"""Demonstrate the engine over HTTP, one scenario after the other, and check every result.

    python demo.py                     every scenario
    python demo.py --list              the names of the scenarios
    python demo.py emergency report    some scenarios (a part of a name is enough if it matches only one)

The environment names the server and an ADMIN's credentials: OPD_URL (http://127.0.0.1:8000), OPD_USERNAME,
OPD_PASSWORD. Every run creates its own doctors and patients, so it can be repeated and does not change existing data.
The exit status is 0 if every scenario passed, 1 if one failed, 2 if the server could not be used.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from rich.console import Console
from rich.markup import escape

from demonstration.board import Board
from demonstration.client import Client
from demonstration.clinic import Clinic
from demonstration.outcome import SurpriseError, UnreachableError
from demonstration.scenarios import SCENARIOS

DEFAULT_URL = "http://127.0.0.1:8000"


def main(arguments: list[str] | None = None) -> int:
    """Run the requested scenarios and return the exit status."""
    parser = argparse.ArgumentParser(prog="demo.py", description="Demonstrate the engine over HTTP.")
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help="scenarios to run (default: all)")
    parser.add_argument("--list", action="store_true", help="list the scenarios and exit")
    options = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 110)
    if options.list:
        for name, scenario in SCENARIOS.items():
            console.print(f"[bold]{name:28}[/bold]{scenario.__doc__}", highlight=False, soft_wrap=True)
        return 0
    try:
        names = [pick(name) for name in options.scenarios] or list(SCENARIOS)
        with signed_in() as client:
            return run(names, client=client, board=Board(console=console))
    except UnreachableError as error:
        console.print(f"[red]{escape(str(error))}", highlight=False, soft_wrap=True)
        return 2


def pick(text: str) -> str:
    """Return the name of the only scenario that this text names, in full or in part."""
    if text in SCENARIOS:
        return text
    matches = [name for name in SCENARIOS if text in name]
    if len(matches) != 1:
        raise UnreachableError(f"No single scenario matches {text!r}. `python demo.py --list` lists them.")
    return matches[0]


@contextmanager
def signed_in() -> Iterator[Client]:
    """Yield a client signed in with the credentials in the environment; raise UnreachableError if it cannot be used."""
    missing = [name for name in ("OPD_USERNAME", "OPD_PASSWORD") if not os.environ.get(name)]
    if missing:
        raise UnreachableError(
            f"{' and '.join(missing)} not set. The demo signs in as an ADMIN: after ./setup.sh run the user names and "
            "passwords are in .opd/credentials; ./setup.sh demo sets both variables itself."
        )
    url = os.environ.get("OPD_URL") or DEFAULT_URL
    with closing(Client(url=url, username=os.environ["OPD_USERNAME"], password=os.environ["OPD_PASSWORD"])) as client:
        client.sign_in()
        role = client.get("auth/me/")["role"]
        if role != "ADMIN":
            raise UnreachableError(
                f"{os.environ['OPD_USERNAME']!r} has the role {role}; the demo creates doctors and needs an ADMIN."
            )
        yield client


def run(names: list[str], *, client: Client, board: Board) -> int:
    """Run the scenarios and return the exit status; one that fails does not stop the others."""
    results: list[tuple[str, str, str, str]] = []
    for name in names:
        scenario = SCENARIOS[name]
        board.title(name)
        board.say(scenario.__doc__ or "")
        began = time.monotonic()
        problem = ""
        try:
            scenario(Clinic(client=client, board=board, name=name.replace("-", " ").title()))
        except SurpriseError as surprise:
            problem = str(surprise)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            problem = f"The answer does not have the documented shape: {error!r}"
        if problem:
            board.warn(f"FAILED: {problem}")
        results.append((name, "failed" if problem else "passed", f"{time.monotonic() - began:.1f} s", problem))
    board.title("Summary")
    board.table(f"{len(results)} scenarios against {client.url}", ("Scenario", "Outcome", "Took", "Why"), results)
    return 1 if any(problem for *_, problem in results) else 0


if __name__ == "__main__":
    sys.exit(main())
