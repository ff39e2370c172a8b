"""The benchmark report follows from the run's figures."""

from typing import Any

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
    run = [nothing, measured("HOT", "engine"), measured("SPREAD", "engine")]
    assert [row[2] for row in rows(run)] == ["none", "100", "100"]
    assert reached(run, "HOT: at least") is None
    assert reached(run, "HOT: p99") is True
