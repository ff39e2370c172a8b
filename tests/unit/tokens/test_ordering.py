"""The queue order is total and matches contract section 2."""

from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tokens.policy.ordering import OrderKey, order_key, place_behind, return_place
from tokens.policy.priority import Category


class Request(NamedTuple):
    category: str
    priority: Decimal
    acuity: int | None
    arrival: int


def _key(request: Request) -> OrderKey:
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


@given(st.lists(st.integers(0, 60), max_size=60))
def test_a_place_is_directly_behind_the_token_that_was_passed(steps: list[int]) -> None:
    """However often tokens are put behind each other, each place is new, and no other key changes."""
    first = order_key(category=Category.WALKIN, priority=Decimal("5.00"), acuity=None, arrival=7)
    other = order_key(category=Category.WALKIN, priority=Decimal("5.00"), acuity=None, arrival=8)
    line = [first]
    for index in steps:
        passed = line[index % len(line)]
        greater = [key[3] for key in line if key > passed]
        place = place_behind(passed, next_fraction=min(greater, default=None))
        assert place not in line
        line.append(place)
        ordered = sorted(line)
        assert ordered[ordered.index(passed) + 1] == place
    assert max(line) < other


def test_places_between_the_same_two_tokens_stay_short() -> None:
    """A hundred patients put directly behind the same token, one after the other."""
    passed = order_key(category=Category.WALKIN, priority=Decimal("5.00"), acuity=None, arrival=7)
    taken: list[Decimal] = []
    for _ in range(100):
        taken.append(place_behind(passed, next_fraction=min(taken, default=None))[3])
    assert taken == sorted(set(taken), reverse=True)
    assert max(len(str(fraction)) for fraction in taken) < 110


def test_back_from_the_consultation_is_between_the_emergencies_and_the_others() -> None:
    urgent = order_key(category=Category.EMERGENCY, priority=Decimal("1.00"), acuity=5, arrival=99)
    best = order_key(category=Category.PRIORITY_PAID, priority=Decimal("1.01"), acuity=None, arrival=1)
    assert urgent < return_place(arrival=98) < best
