"""The queue order is total and matches contract section 2."""

from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tokens.policy.ordering import order_key
from tokens.policy.priority import Category


class Request(NamedTuple):
    category: str
    priority: Decimal
    acuity: int | None
    arrival: int


def _key(request: Request) -> tuple[Decimal, int, int]:
    return order_key(**request._asdict())


EMERGENCIES = st.builds(
    Request,
    st.just(Category.EMERGENCY),
    st.just(Decimal("1.00")),
    st.none() | st.integers(1, 5),
    st.integers(1, 10_000),
)
OTHERS = st.builds(
    Request,
    st.sampled_from([category for category in Category if category is not Category.EMERGENCY]),
    st.decimals(min_value="1.01", max_value="5.00", places=2),
    st.none(),
    st.integers(1, 10_000),
)
QUEUES = st.lists(EMERGENCIES | OTHERS, max_size=30, unique_by=lambda request: request.arrival)


@given(QUEUES)
def test_no_two_stand_at_the_same_place(queue: list[Request]) -> None:
    assert len({_key(request) for request in queue}) == len(queue)


@given(QUEUES)
def test_emergencies_come_first_the_untriaged_newest_at_the_front(queue: list[Request]) -> None:
    ordered = sorted(queue, key=_key)
    emergencies = [request for request in ordered if request.category == Category.EMERGENCY]
    assert ordered[: len(emergencies)] == emergencies
    untriaged = [request.arrival for request in emergencies if request.acuity is None]
    assert [request.acuity for request in emergencies[: len(untriaged)]] == [None] * len(untriaged)
    assert untriaged == sorted(untriaged, reverse=True)
    triaged = [(request.acuity, request.arrival) for request in emergencies[len(untriaged) :]]
    assert triaged == sorted(triaged)


@given(QUEUES)
def test_the_others_go_by_priority_then_by_request(queue: list[Request]) -> None:
    others = [request for request in sorted(queue, key=_key) if request.category != Category.EMERGENCY]
    ranks = [(request.priority, request.arrival) for request in others]
    assert ranks == sorted(ranks)
