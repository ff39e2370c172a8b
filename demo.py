#!/usr/bin/env python3
"""Shows the engine at work over HTTP, one scenario after the other, and checks what it shows.

    python demo.py                     every scenario
    python demo.py --list              their names
    python demo.py emergency report    some of them (a part of a name is enough if it fits only one)

The server and an ADMIN's credentials come from the environment: OPD_URL (http://127.0.0.1:8000), OPD_USERNAME,
OPD_PASSWORD. Every run makes its own doctors and patients, so it can be repeated and does not touch what is there.
The exit status is 0 if every scenario ended as promised, 1 if one did not, 2 if the server could not be used.
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
    """Run the scenarios asked for and answer with the exit status."""
    parser = argparse.ArgumentParser(prog="demo.py", description="Shows the engine at work over HTTP.")
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help="which to run (default: all)")
    parser.add_argument("--list", action="store_true", help="list the scenarios and stop")
    asked = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 110)
    if asked.list:
        for name, scenario in SCENARIOS.items():
            console.print(f"[bold]{name:28}[/bold]{scenario.__doc__}", highlight=False, soft_wrap=True)
        return 0
    try:
        names = [pick(name) for name in asked.scenarios] or list(SCENARIOS)
        with signed_in() as client:
            return run(names, client=client, board=Board(console=console))
    except UnreachableError as error:
        console.print(f"[red]{escape(str(error))}", highlight=False, soft_wrap=True)
        return 2


def pick(text: str) -> str:
    """The one scenario meant by a name or a part of it."""
    if text in SCENARIOS:
        return text
    fits = [name for name in SCENARIOS if text in name]
    if len(fits) != 1:
        raise UnreachableError(f"No single scenario is called {text!r}. `python demo.py --list` lists them.")
    return fits[0]


@contextmanager
def signed_in() -> Iterator[Client]:
    """A client signed in with what the environment says; UnreachableError if the server can't be used with it."""
    missing = [name for name in ("OPD_USERNAME", "OPD_PASSWORD") if not os.environ.get(name)]
    if missing:
        raise UnreachableError(
            f"{' and '.join(missing)} not set. The demo signs in as an ADMIN: after ./setup.sh run the names and "
            "passwords are in .opd/credentials; ./setup.sh demo passes them on by itself."
        )
    url = os.environ.get("OPD_URL") or DEFAULT_URL
    with closing(Client(url=url, username=os.environ["OPD_USERNAME"], password=os.environ["OPD_PASSWORD"])) as client:
        client.sign_in()
        role = client.get("auth/me/")["role"]
        if role != "ADMIN":
            raise UnreachableError(
                f"{os.environ['OPD_USERNAME']!r} is {role}; the demo adds doctors and so needs an ADMIN."
            )
        yield client


def run(names: list[str], *, client: Client, board: Board) -> int:
    """Run scenario after scenario; one that fails does not stop the others."""
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
            problem = f"The answer does not have the promised shape: {error!r}"
        if problem:
            board.warn(f"FAILED: {problem}")
        results.append((name, "failed" if problem else "as promised", f"{time.monotonic() - began:.1f} s", problem))
    board.title("Summary")
    board.table(f"{len(results)} scenarios against {client.url}", ("Scenario", "Outcome", "Took", "Why"), results)
    return 1 if any(problem for *_, problem in results) else 0


if __name__ == "__main__":
    sys.exit(main())
