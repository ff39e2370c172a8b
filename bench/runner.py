"""Runs the scenarios: PLAIN and the engine in turn, in several rounds, with a progress bar."""

from collections.abc import Callable, Sequence

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench.load import Outcome
from bench.measuring import Measure, counting, measure, median_of, without_figures
from bench.scenarios import Play, Scenario, Size
from bench.servers import Stage
from bench.target import Target

Say = Callable[[Measure], None]


def play_all(
    stage: Stage, targets: dict[str, Target], chosen: Sequence[Scenario], *, size: Size, rounds: int, say: Say
) -> list[Measure]:
    """Run every scenario on its servers; return the medians over the rounds.

    The order of the servers changes from round to round.
    """
    kept: dict[tuple[str, str], list[Measure]] = {}
    columns = (TextColumn("{task.description:<26}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn()) as progress:
        task = progress.add_task("", total=rounds * sum(len(each.targets) for each in chosen))
        for turn in range(rounds):
            for scenario in chosen:
                for name in scenario.targets if turn % 2 == 0 else scenario.targets[::-1]:
                    progress.update(task, description=f"{scenario.name} {name}")
                    made = _play_or_note_error(stage, targets[name], scenario, size=size)
                    kept.setdefault((scenario.name, name), []).append(made)
                    progress.advance(task)
                    if turn == rounds - 1:
                        say(median_of(kept[scenario.name, name]))
    return [median_of(measures) for measures in kept.values()]


def _play_or_note_error(stage: Stage, target: Target, scenario: Scenario, *, size: Size) -> Measure:
    """Run a scenario; if it fails, return a measure without figures, so that the others are still measured."""
    try:
        return play(stage, target, scenario, size=size)
    except Exception as error:
        note = f"no figure: {type(error).__name__}: {error}"
        return without_figures(scenario=scenario.name, target=target.name, note=note)


def play(stage: Stage, target: Target, scenario: Scenario, *, size: Size) -> Measure:
    """Run a scenario on one server: prepare it, warm up and count statements, measure, and check the outcome."""
    target.sign_in()
    ready = scenario.prepare(target, size)
    settle(stage)
    with counting(stage, target.name) as counted:
        _, warm = _played(stage, target, scenario, ready, ready.warm, seconds=None)
    made, outcome = _played(stage, target, scenario, ready, ready.requests, seconds=ready.seconds)
    if ready.warm:
        made.statements = counted.statements / len(ready.warm)
        shares = {text[:200]: round(calls / len(ready.warm), 2) for text, calls in counted.texts.most_common(20)}
        made.facts["statements"] = shares
    if wrong := ready.check(warm, outcome):
        made.note = "; ".join(filter(None, [made.note, wrong]))
    return made


def _played(
    stage: Stage, target: Target, scenario: Scenario, ready: Play, requests: list[bytes], *, seconds: float | None
) -> tuple[Measure, Outcome]:
    return measure(
        stage,
        scenario=scenario.name,
        target=target.name,
        requests=requests,
        clients=ready.clients,
        seconds=seconds,
        repeat=ready.repeat and seconds is not None,
    )


def settle(stage: Stage) -> None:
    """Run ANALYZE and CHECKPOINT, so that the measurement does not include work left by the preparation."""
    for name in stage.webs:
        with stage.connect(name) as connection:
            connection.execute("ANALYZE")
    with stage.connect() as connection:
        connection.execute("CHECKPOINT")
