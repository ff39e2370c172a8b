"""`python -m bench`: measure the engine, a plain implementation of the same hospital, and the bare database."""

import argparse
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench import report
from bench.bare import bare_bookings
from bench.goals import verdicts
from bench.load_limit import ceiling
from bench.machine import describe
from bench.measuring import Measure
from bench.runner import play_all
from bench.scenarios import FULL, QUICK, Scenario, Size, scenarios
from bench.servers import ENGINE, Stage, stage
from bench.target import Target


def options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes and one run, which takes about a minute")
    parser.add_argument("--only", help="scenarios, comma-separated; QUEUE selects all names that begin with it")
    parser.add_argument("--target", choices=("engine", "plain"), help="measure only this server")
    parser.add_argument("--repeat", type=int, help="number of runs for the medians (3, or 1 with --quick)")
    parser.add_argument(
        "--seconds",
        type=float,
        help=f"seconds that a scenario with load lasts ({FULL.seconds:g}, or {QUICK.seconds:g} with --quick)",
    )
    parser.add_argument("--workers", type=int, default=max(2, min(os.cpu_count() or 2, 8)), help="web workers")
    parser.add_argument("--threads", type=int, default=32, help="threads of each web worker")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="a setting of the web servers")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="only measure the memory under a long load")
    parser.add_argument("--profile", metavar="SCENARIO", help="only profile the requests of this scenario")
    parser.add_argument("--compare", type=Path, metavar="JSON", help="compare with the figures of an earlier run")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md, as a full run always does")
    return parser.parse_args()


def main() -> int:
    """Run the chosen measurements; return 1 if an invariant was broken or a request failed, else 0."""
    chosen, console = options(), Console(width=None if sys.stdout.isatty() else 160)
    size = QUICK if chosen.quick or chosen.profile or chosen.soak else FULL
    if chosen.profile:
        size = replace(size, acts=300)
    if chosen.seconds:
        size = replace(size, seconds=chosen.seconds)
    rounds = chosen.repeat or (1 if chosen.quick else 3)
    wanted = _selected(scenarios(size), chosen.only, chosen.target)
    extra = dict(pair.partition("=")[::2] for pair in chosen.env)
    console.print("Starting PostgreSQL, Redis and two web servers ...")
    with stage(workers=chosen.workers, threads=chosen.threads, extra=extra) as servers:
        facts = describe(servers, workers=chosen.workers, threads=chosen.threads)
        targets = _targets(servers, size)
        if chosen.profile:
            console.print(_profile(targets[ENGINE], size, chosen.profile), markup=False, highlight=False)
            return 0
        if chosen.soak:
            from bench.soak import soak

            return soak(servers, targets[ENGINE], size=size, minutes=chosen.soak, console=console)
        measures: list[Measure] = []
        if not chosen.only:
            measures += [ceiling(seconds=min(2.0, size.seconds))]
            measures += bare_bookings(servers, seconds=size.seconds)
        measures += play_all(servers, targets, wanted, size=size, rounds=rounds, say=lambda one: _say(console, one))
        broken = _broken_invariants(servers)
    found = verdicts(measures)
    report.show(console, measures, found)
    if chosen.compare:
        console.print(report.compared(measures, with_file=chosen.compare))
    console.print(broken or "check_invariants: every promise holds.", markup=False)
    for each in measures:
        if each.note:
            console.print(f"{each.scenario} {each.target}: {each.note}", markup=False, style="red")
    how = {"rounds": rounds, "seconds": size.seconds, "extra": extra}
    made = report.as_json(facts=facts, measures=measures, verdicts=found, options=how)
    if chosen.json:
        chosen.json.write_text(made)
    if chosen.write or not (chosen.quick or chosen.only or chosen.target):
        (report.FOLDER / "results.json").write_text(made)
        text = report.markdown(facts=facts, measures=measures, verdicts=found, scenarios=wanted, rounds=rounds)
        (report.FOLDER / "RESULTS.md").write_text(text)
        console.print("Written: bench/RESULTS.md and bench/results.json")
    return 1 if broken or any(each.note for each in measures if each.target == ENGINE) else 0


def _selected(known: list[Scenario], only: str | None, target: str | None) -> list[Scenario]:
    words = [word.strip().upper() for word in (only or "").split(",") if word.strip()]
    exact = {each.name for each in known}
    unknown = [word for word in words if not any(name.upper().startswith(word) for name in exact)]
    if unknown:
        names = ", ".join(each.name for each in known)
        raise SystemExit(f"Unknown scenario: {', '.join(unknown)}. The scenarios are: {names}")
    picked = [each for each in known if not words or any(_is_meant(each.name, word, exact) for word in words)]
    if target:
        picked = [replace(each, targets=(target,)) for each in picked if target in each.targets]
    return picked


def _is_meant(name: str, word: str, exact: set[str]) -> bool:
    """Return whether the word selects the scenario: by its exact name if there is one, else by its beginning."""
    return name.upper() == word or (word not in {each.upper() for each in exact} and name.upper().startswith(word))


def _targets(servers: Stage, size: Size) -> dict[str, Target]:
    os.environ.update(servers.settings_of(ENGINE))
    import django

    django.setup()
    from bench.engine import Engine
    from bench.plain.hospital import Plain

    made: list[Target] = [Plain(servers), Engine(servers)]
    for target in made:
        target.prepare(patients=size.patients)
    return {target.name: target for target in made}


def _profile(target: Target, size: Size, name: str) -> str:
    from bench.profiling import profile

    [scenario] = _selected(scenarios(size), name, None)[:1]
    ready = scenario.prepare(target, size)
    requests = [*ready.warm, *ready.requests] if not ready.repeat else ready.requests * 600
    return profile(requests=requests[:1000])


def _broken_invariants(servers: Stage) -> str:
    command = [sys.executable, "-m", "django", "check_invariants"]
    done = subprocess.run(command, env=servers.settings_of(ENGINE), capture_output=True, text=True)
    return "" if done.returncode == 0 else f"check_invariants: {done.stdout[-4000:]}{done.stderr[-2000:]}"


def _say(console: Console, one: Measure) -> None:
    console.print(
        f"{one.scenario:<16} {one.target:<7} {one.rate:>9,.0f}/s   p50 {one.p50:>8,.1f}   p99 {one.p99:>8,.1f} ms"
        f"   web {one.web_ms:>6.2f}   PG {one.postgres_ms:>5.2f} ms/req",
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())
