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
    """Return the verdict on each goal."""
    found = {(each.scenario, each.target): each for each in measures if each.requests}
    return [
        _ratio(found, "HOT", 8),
        _ratio(found, "SPREAD", 6),
        _ratio(found, "MIXED", 4),
        *(_latency(found, name) for name in ("HOT", "SPREAD")),
        _flash(found),
        _flat(found, "EMERGENCY"),
        _flat(found, "CANCEL"),
        _queue(found),
        _memory(measures),
        _no_error(measures),
    ]


def _verdict(goal: str, found: Measure | None, say: Callable[[Measure], tuple[str, bool]]) -> Verdict:
    if found is None:
        return Verdict(goal, "not measured", None)
    return Verdict(goal, *say(found))


def _ratio(found: Measures, scenario: str, wanted: float) -> Verdict:
    plain = found.get((scenario, "plain"))

    def say(engine: Measure) -> tuple[str, bool]:
        assert plain is not None
        ratio = engine.rate / plain.rate
        return f"{ratio:.1f} times", ratio >= wanted

    return _verdict(
        f"{scenario}: at least {wanted} times PLAIN", found.get((scenario, "engine")) if plain else None, say
    )


def _latency(found: Measures, scenario: str) -> Verdict:
    def say(engine: Measure) -> tuple[str, bool]:
        busy = engine.statuses.get(503, 0)
        return f"{engine.p99:.0f} ms, {busy} times 503", engine.p99 < 150 and busy == 0

    return _verdict(f"{scenario}: p99 under 150 ms at 64 clients, no 503", found.get((scenario, "engine")), say)


def _flash(found: Measures) -> Verdict:
    def say(engine: Measure) -> tuple[str, bool]:
        text = f"{engine.seconds:.2f} s" + (f"; {engine.note}" if engine.note else ", 20 seats sold")
        return text, engine.seconds < 2 and not engine.note

    return _verdict(
        "FLASH: all requests answered within 2 s, exactly 20 seats sold", found.get(("FLASH", "engine")), say
    )


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
    goal = "QUEUE of 500: at least 1,000 reads/s of an unchanged queue"
    known, whole = (found.get((name, "engine")) for name in ("QUEUE 500 etag", "QUEUE 500"))

    def say(etag: Measure) -> tuple[str, bool]:
        text = f"{etag.rate:,.0f}/s by ETag" + (f"; {etag.note}" if etag.note else "")
        beside = f", {whole.rate:,.0f}/s of the whole list" if whole else ""
        return text + beside, etag.rate >= 1_000 and not etag.note

    return _verdict(goal, known, say)


def _memory(measures: list[Measure]) -> Verdict:
    largest = max((each.worker_mib for each in measures if each.target == "engine"), default=0.0)
    return Verdict("A web worker stays under 200 MiB", f"{largest:.0f} MiB", largest < 200 if largest else None)


def _no_error(measures: list[Measure]) -> Verdict:
    errors = {each.scenario: each.note for each in measures if each.target == "engine" and each.note}
    text = "; ".join(f"{name}: {note}" for name, note in errors.items()) or "no error"
    return Verdict("No failed request, no lost connection, every count correct", text, not errors)
