"""What is told of a run follows from its figures."""

from typing import Any

from bench.goals import verdicts
from bench.measuring import Measure, median_of
from bench.report import rows


def measured(scenario: str, target: str, **facts: Any) -> Measure:
    usual = {"requests": 100, "seconds": 1.0, "rate": 100.0, "p50": 5.0, "p95": 9.0, "p99": 20.0, "slowest": 30.0}
    return Measure(scenario=scenario, target=target, **{**usual, "statuses": {201: 100}, **facts})


def reached(measures: list[Measure], word: str) -> bool | None:
    return next(verdict.reached for verdict in verdicts(measures) if verdict.goal.startswith(word))


def test_a_ratio_is_to_plain_in_the_same_scenario() -> None:
    run = [measured("HOT", "plain", rate=50), measured("HOT", "engine", rate=400), measured("SPREAD", "plain")]
    assert [row[3] for row in rows(run)] == ["", "8.00", ""]
    assert reached(run, "HOT: at least") is True
    assert reached([run[0], measured("HOT", "engine", rate=399)], "HOT: at least") is False
    assert reached([run[1]], "HOT: at least") is None


def test_a_busy_answer_spoils_a_calm_run() -> None:
    assert reached([measured("HOT", "engine")], "HOT: p99") is True
    assert reached([measured("HOT", "engine", statuses={201: 99, 503: 1})], "HOT: p99") is False
    assert reached([measured("HOT", "engine", p99=151.0)], "HOT: p99") is False


def test_flat_means_no_length_costs_more_than_twice_another() -> None:
    run = [measured("EMERGENCY 10", "engine", p50=5.0), measured("EMERGENCY 10000", "engine", p50=10.0)]
    assert reached(run, "EMERGENCY") is True
    assert reached([*run, measured("EMERGENCY 100", "engine", p50=4.9)], "EMERGENCY") is False


def test_refusals_and_lost_connections_are_trouble_but_conflicts_are_not() -> None:
    assert measured("MIXED", "engine", statuses={201: 90, 409: 10}).refused == 0
    assert measured("MIXED", "engine", statuses={201: 90, 500: 1, 503: 2, 401: 3}, lost=4).refused == 10


def test_medians_are_taken_figure_by_figure() -> None:
    runs = [measured("HOT", "engine", rate=rate, p99=p99) for rate, p99 in ((1.0, 30.0), (3.0, 10.0), (2.0, 20.0))]
    median = median_of(runs)
    assert (median.rate, median.p99, median.requests) == (2.0, 20.0, 300)
    assert median.statuses == {201: 300}
