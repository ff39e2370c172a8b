"""The goals of the engine, and whether a run reached them."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.measuring import Measure

Measures = dict[tuple[str, str], Measure]


@dataclass(frozen=True)
class Verdict:
    """A goal, the measured value, and whether it reaches the goal; None if the run did not measure it."""

    goal: str
    found: str
    reached: bool | None


def verdicts(measures: list[Measure]) -> list[Verdict]:
    """Return the verdict on each goal. Goals of speed are ratios within the run, so that they hold on any machine."""
    found = {(each.scenario, each.target): each for each in measures if each.requests}
    return [
        _ratio(found, "HOT+KEY", "HOT", 12),
        _ratio(found, "SPREAD+KEY", "SPREAD", 8),
        _ratio(found, "MIXED", "MIXED", 5),
        *(_share(found, name, "HOT", 0.85) for name in ("HOT+KEY", "HOT+API", "HOT+PATIENTS")),
        _share(found, "SPREAD+KEY", "SPREAD", 0.85),
        _empty(found),
        *(_latency(found, name, f"{name}+KEY") for name in ("HOT", "SPREAD")),
        _flash(found),
        _flat(found, "EMERGENCY"),
        _flat(found, "CANCEL"),
        _queue(found),
        _memory(measures),
        _no_error(measures),
    ]


def _compared(
    goal: str,
    found: Measures,
    measured: tuple[str, str],
    basis: tuple[str, str],
    say: Callable[[Measure, Measure], tuple[str, bool]],
) -> Verdict:
    """Judge one measure by another one of the same run."""
    if measured not in found or basis not in found:
        return Verdict(goal, "not measured", None)
    return Verdict(goal, *say(found[measured], found[basis]))


def _ratio(found: Measures, scenario: str, basis: str, wanted: float) -> Verdict:
    def say(engine: Measure, plain: Measure) -> tuple[str, bool]:
        ratio = engine.rate / plain.rate
        return f"{ratio:.1f} times", ratio >= wanted

    goal = f"{scenario}: at least {wanted} times PLAIN's {basis}"
    return _compared(goal, found, (scenario, "engine"), (basis, "plain"), say)


def _share(found: Measures, scenario: str, basis: str, wanted: float) -> Verdict:
    def say(engine: Measure, other: Measure) -> tuple[str, bool]:
        share = engine.rate / other.rate
        return f"{share:.2f}", share >= wanted

    goal = f"{scenario}: at least {wanted} of {basis}"
    return _compared(goal, found, (scenario, "engine"), (basis, "engine"), say)


def _empty(found: Measures) -> Verdict:
    def say(engine: Measure, plain: Measure) -> tuple[str, bool]:
        share = engine.web_ms / plain.web_ms if plain.web_ms else 0.0
        return f"{share:.2f} ({engine.web_ms:.2f} of {plain.web_ms:.2f} ms)", 0 < share <= 0.35

    return _compared(
        "EMPTY: at most 0.35 of PLAIN's CPU time in the web server", found, ("EMPTY", "engine"), ("EMPTY", "plain"), say
    )


def _latency(found: Measures, plain: str, scenario: str) -> Verdict:
    def say(engine: Measure, other: Measure) -> tuple[str, bool]:
        busy, share = engine.statuses.get(503, 0), engine.p99 / other.p50
        text = f"{share:.2f} ({engine.p99:.0f} of {other.p50:.0f} ms), {busy} times 503"
        return text, share <= 0.3 and busy == 0

    goal = f"{scenario}: p99 at 64 clients at most 0.3 of PLAIN's median, no 503"
    return _compared(goal, found, (scenario, "engine"), (plain, "plain"), say)


def _flash(found: Measures) -> Verdict:
    def say(flash: Measure, hot: Measure) -> tuple[str, bool]:
        share = flash.rate / hot.rate
        text = f"{share:.2f}; {flash.note}" if flash.note else f"{share:.2f}, 20 seats sold"
        return text, share >= 0.4 and not flash.note

    goal = "FLASH: exactly 20 seats sold, at least 0.4 of the rate of HOT"
    return _compared(goal, found, ("FLASH", "engine"), ("HOT", "engine"), say)


def _flat(found: Measures, scenario: str) -> Verdict:
    goal = f"{scenario}: median varies at most 2 times from 10 to 10,000 tokens"
    by_length = {int(name.split()[1]): each.p50 for (name, target), each in found.items()
                 if target == "engine" and name.startswith(f"{scenario} ")}  # fmt: skip
    if len(by_length) < 2:
        return Verdict(goal, "not measured", None)
    spread = max(by_length.values()) / min(by_length.values())
    medians = ", ".join(f"{value:.1f} ms at {length:,}" for length, value in sorted(by_length.items()))
    return Verdict(goal, f"{spread:.1f} times ({medians})", spread <= 2)


def _queue(found: Measures) -> Verdict:
    """Judge the reads that send the ETag; also show the reads of the whole list."""
    whole = found.get(("QUEUE 500", "engine"))

    def say(etag: Measure, plain: Measure) -> tuple[str, bool]:
        ratio = etag.rate / plain.rate
        beside = f"; the whole list {whole.rate / plain.rate:.1f} times" if whole else ""
        return f"{ratio:.1f} times{beside}" + (f"; {etag.note}" if etag.note else ""), ratio >= 2.5 and not etag.note

    goal = "QUEUE of 500, unchanged, by ETag: at least 2.5 times PLAIN's EMPTY"
    return _compared(goal, found, ("QUEUE 500 etag", "engine"), ("EMPTY", "plain"), say)


def _memory(measures: list[Measure]) -> Verdict:
    largest = max((each.worker_mib for each in measures if each.target == "engine"), default=0.0)
    return Verdict("A web worker stays under 200 MiB", f"{largest:.0f} MiB", largest < 200 if largest else None)


def _no_error(measures: list[Measure]) -> Verdict:
    errors = {each.scenario: each.note for each in measures if each.target == "engine" and each.note}
    text = "; ".join(f"{name}: {note}" for name, note in errors.items()) or "no error"
    return Verdict("No failed request, no lost connection, every count correct", text, not errors)
