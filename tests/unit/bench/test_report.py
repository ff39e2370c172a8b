"""The benchmark report follows from the run's figures."""

from typing import Any

import pytest

from bench.bare import figures_of
from bench.goals import verdicts
from bench.measuring import Measure, median_of, without_figures
from bench.report import rows


def measured(scenario: str, target: str, **facts: Any) -> Measure:
    usual = {"requests": 100, "seconds": 1.0, "rate": 100.0, "p50": 5.0, "p95": 9.0, "p99": 20.0, "slowest": 30.0}
    return Measure(scenario=scenario, target=target, **{**usual, "statuses": {201: 100}, **facts})


def reached(measures: list[Measure], word: str) -> bool | None:
    return next(verdict.reached for verdict in verdicts(measures) if verdict.goal.startswith(word))


def test_a_ratio_is_to_plain_in_the_same_scenario() -> None:
    run = [measured("HOT", "plain", rate=50), measured("HOT", "engine", rate=400), measured("SPREAD", "plain")]
    assert [row[3] for row in rows(run)] == ["", "8.00", ""]
    goal = "HOT+KEY: at least 12 times"
    assert reached([run[0], measured("HOT+KEY", "engine", rate=600)], goal) is True
    assert reached([run[0], measured("HOT+KEY", "engine", rate=599)], goal) is False
    assert reached([measured("HOT+KEY", "engine", rate=600)], goal) is None


@pytest.mark.parametrize("scenario", ["HOT+KEY", "HOT+API", "HOT+PATIENTS"])
def test_bookings_of_every_caller_are_compared_with_those_without_a_key(scenario: str) -> None:
    goal, hot = f"{scenario}: at least 0.85", measured("HOT", "engine", rate=100)
    assert reached([hot, measured(scenario, "engine", rate=85)], goal) is True
    assert reached([hot, measured(scenario, "engine", rate=84)], goal) is False
    assert reached([hot], goal) is None


def test_an_empty_request_is_compared_by_its_cpu_time() -> None:
    plain = measured("EMPTY", "plain", web_ms=1.0)
    assert reached([plain, measured("EMPTY", "engine", web_ms=0.35)], "EMPTY") is True
    assert reached([plain, measured("EMPTY", "engine", web_ms=0.36)], "EMPTY") is False
    assert reached([plain, measured("EMPTY", "engine")], "EMPTY") is False, "not measured is not fast"


def test_a_503_or_a_slow_answer_misses_the_goal_for_latency() -> None:
    plain = measured("HOT", "plain", p50=100.0)
    assert reached([plain, measured("HOT+KEY", "engine", p99=30.0)], "HOT+KEY: p99") is True
    assert reached([plain, measured("HOT+KEY", "engine", statuses={201: 99, 503: 1})], "HOT+KEY: p99") is False
    assert reached([plain, measured("HOT+KEY", "engine", p99=31.0)], "HOT+KEY: p99") is False


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


def log_of_pgbench(*, connected_after: float, lasts: float) -> list[str]:
    """Two clients with ten transactions a second each; the second one connects later."""
    begins = ((0, 1000.0), (1, 1000.0 + connected_after))
    ends = [
        (client, start + n / 10) for client, start in begins for n in range(1, round((1000 + lasts - start) * 10) + 1)
    ]
    return [f"{client} {n} 5000 0 {int(end)} {round(end % 1 * 1e6)}" for n, (client, end) in enumerate(ends)]


def test_the_bare_database_is_measured_while_all_clients_are_connected() -> None:
    found = figures_of(log_of_pgbench(connected_after=2.0, lasts=4.1), clients=2, least_seconds=0.5)
    assert found is not None
    assert (round(found.rate), found.p50) == (20, 5.0)


def test_time_spent_connecting_gives_no_figure() -> None:
    assert figures_of([], clients=2, least_seconds=0.5) is None
    assert figures_of(log_of_pgbench(connected_after=5.0, lasts=4.0), clients=2, least_seconds=0.5) is None
    assert figures_of(log_of_pgbench(connected_after=3.8, lasts=4.1), clients=2, least_seconds=0.5) is None


def test_a_scenario_without_figures_leaves_the_rest_of_the_table() -> None:
    nothing = without_figures(scenario="HOT", target="plain", note="no figure: too slow")
    run = [nothing, measured("HOT", "engine"), measured("HOT+KEY", "engine"), measured("SPREAD", "engine")]
    assert [row[2] for row in rows(run)] == ["none", "100", "100", "100"]
    assert reached(run, "HOT+KEY: at least 12") is None
    assert reached(run, "HOT+KEY: at least 0.85") is True
