"""Playing scenarios: plain and engine in turn, several rounds, with a progress bar."""

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
    """Every scenario on its servers, as medians over the rounds; who goes first changes from round to round."""
    kept: dict[tuple[str, str], list[Measure]] = {}
    columns = (TextColumn("{task.description:<26}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn()) as progress:
        task = progress.add_task("", total=rounds * sum(len(each.targets) for each in chosen))
        for turn in range(rounds):
            for scenario in chosen:
                for name in scenario.targets if turn % 2 == 0 else scenario.targets[::-1]:
                    progress.update(task, description=f"{scenario.name} {name}")
                    made = _play_or_say_why_not(stage, targets[name], scenario, size=size)
                    kept.setdefault((scenario.name, name), []).append(made)
                    progress.advance(task)
                    if turn == rounds - 1:
                        say(median_of(kept[scenario.name, name]))
    return [median_of(measures) for measures in kept.values()]


def _play_or_say_why_not(stage: Stage, target: Target, scenario: Scenario, *, size: Size) -> Measure:
    """Play a scenario; one that fails leaves its place in the table empty, and the others are still measured."""
    try:
        return play(stage, target, scenario, size=size)
    except Exception as error:
        note = f"no figure: {type(error).__name__}: {error}"
        return without_figures(scenario=scenario.name, target=target.name, note=note)


def play(stage: Stage, target: Target, scenario: Scenario, *, size: Size) -> Measure:
    """One scenario on one server: prepared, warmed up and counted, measured, checked."""
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
    """Let PostgreSQL write out what the preparation left, so that the measurement does not pay for it."""
    for name in stage.webs:
        with stage.connect(name) as connection:
            connection.execute("ANALYZE")
    with stage.connect() as connection:
        connection.execute("CHECKPOINT")
