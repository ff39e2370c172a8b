"""The scenarios: how each is prepared, what it measures, and the outcome that it must have."""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.engine import Engine
from bench.load import Outcome
from bench.servers import ENGINE, PLAIN
from bench.target import Target

CLIENTS = 64
READERS = 16
ENGINE_ALONE = (ENGINE,)
BOTH = (PLAIN, ENGINE)


@dataclass(frozen=True)
class Size:
    """The sizes of a run: `seconds` of a scenario with many clients, `acts` (requests) of a scenario with one client,
    and `warm` requests before many clients are measured. `plain_plays_all`: PLAIN runs all scenarios, not only those
    for which a goal compares the engine with it.
    """

    seconds: float
    acts: int
    bookings: int
    patients: int
    lengths: tuple[int, ...]
    queues: tuple[int, ...]
    warm: int
    plain_plays_all: bool


QUICK = Size(1.2, 20, 4_000, 6_000, (10, 1_000), (500,), warm=128, plain_plays_all=False)
FULL = Size(6.0, 60, 10_000, 12_000, (10, 100, 1_000, 10_000), (20, 500, 5_000), warm=256, plain_plays_all=True)


@dataclass
class Play:
    """A prepared scenario: the requests to warm up with (while statements are counted), the requests to measure, and
    the check of the outcome, which returns "" or what is wrong.
    """

    requests: list[bytes]
    warm: list[bytes] = field(default_factory=list)
    clients: int = 1
    seconds: float | None = None
    repeat: bool = False
    check: Callable[[Outcome, Outcome], str] = lambda warm, outcome: ""


@dataclass(frozen=True)
class Scenario:
    """A load on the hospital; `what` describes it in RESULTS.md."""

    name: str
    what: str
    prepare: Callable[[Target, Size], Play]
    targets: tuple[str, ...] = BOTH


def scenarios(size: Size) -> list[Scenario]:
    """Return all scenarios in the order in which they run."""
    beside = BOTH if size.plain_plays_all else ENGINE_ALONE
    return [
        Scenario("EMPTY", "an empty response for a signed-in desk user", _empty),
        Scenario("HOT", "64 clients book one slot", _hot),
        Scenario("HOT+KEY", "the same, with Idempotency-Key", _hot_with_keys, ENGINE_ALONE),
        Scenario("HOT+API", "the same as HOT+KEY by a hospital system with its API key", _hot_by_api_key, ENGINE_ALONE),
        Scenario("HOT+PATIENTS", "the same as HOT+KEY, each patient signed in", _hot_by_patients, ENGINE_ALONE),
        Scenario("FLASH", "1,000 clients book one slot of 20 seats at once", _flash, beside),
        Scenario("SPREAD", "64 clients book 200 slots", _spread),
        Scenario("SPREAD+KEY", "the same, with Idempotency-Key", _spread_with_keys, ENGINE_ALONE),
        Scenario(
            "MIXED",
            "64 clients: 70 % book, 20 % cancel, 10 % admit emergencies, call or delay, with Idempotency-Key",
            _mixed,
        ),
        *(Scenario(f"EMERGENCY {n}", f"an emergency before {n:,} tokens", _emergency(n), beside) for n in size.lengths),
        *(
            Scenario(f"CANCEL {n}", f"cancel and promote in a slot of {n:,} tokens", _cancel(n), beside)
            for n in size.lengths
        ),
        *(Scenario(f"QUEUE {n}", f"16 clients read a queue of {n:,} tokens", _queue(n), beside) for n in size.queues),
        *(
            Scenario(f"QUEUE {n} etag", "the same with If-None-Match", _queue_unchanged(n), ENGINE_ALONE)
            for n in size.queues
        ),
        Scenario(
            "QUEUE+WRITE",
            "16 clients read a queue of 500 tokens; every 50th request is a booking",
            _queue_with_writes,
            beside,
        ),
        Scenario("DELAY", "a delay that cascades through 10 slots of 20 tokens", _delay, beside),
    ]


# Booking


def _empty(target: Target, size: Size) -> Play:
    one = target.request("GET", "empty/")
    return Play([one], [one] * 200, CLIENTS, size.seconds, repeat=True)


def _hot(target: Target, size: Size) -> Play:
    [slot] = target.make_slots(doctors=1, capacity=10_000)
    return _hot_play(target, size, slot, [target.booking(slot, each) for each in target.patients[: size.bookings]])


def _hot_with_keys(target: Target, size: Size) -> Play:
    return _hot_by(target, size, [None] * size.bookings)


def _hot_by_api_key(target: Target, size: Size) -> Play:
    assert isinstance(target, Engine)
    return _hot_by(target, size, [target.make_api_key()] * size.bookings)


def _hot_by_patients(target: Target, size: Size) -> Play:
    assert isinstance(target, Engine)
    return _hot_by(target, size, target.sign_in_patients(target.patients[: size.bookings]))


def _hot_by(target: Target, size: Size, callers: Sequence[str | None]) -> Play:
    """Book one slot with an Idempotency-Key in each request; `callers`: Authorization headers, None: the desk."""
    [slot] = target.make_slots(doctors=1, capacity=10_000)
    pairs = zip(target.patients[: size.bookings], callers, strict=True)
    requests = [target.booking(slot, each, key=f"{slot}-{each}", authorization=caller) for each, caller in pairs]
    return _hot_play(target, size, slot, requests)


def _hot_play(target: Target, size: Size, slot: str, requests: list[bytes]) -> Play:
    return Play(
        requests[size.warm :], requests[: size.warm], CLIENTS, size.seconds,
        check=lambda warm, outcome: _seats_are(target, [slot], _booked(warm) + _booked(outcome)),
    )  # fmt: skip


def _spread(target: Target, size: Size) -> Play:
    return _spread_play(target, size, with_keys=False)


def _spread_with_keys(target: Target, size: Size) -> Play:
    return _spread_play(target, size, with_keys=True)


def _spread_play(target: Target, size: Size, *, with_keys: bool) -> Play:
    slots = target.make_slots(doctors=200, capacity=100)
    patients = target.patients[: size.bookings]
    pairs = zip(itertools.cycle(slots), patients, strict=False)
    requests = [target.booking(slot, each, key=f"{slot}-{each}" if with_keys else None) for slot, each in pairs]
    return Play(
        requests[size.warm :], requests[: size.warm], CLIENTS, size.seconds,
        check=lambda warm, outcome: _seats_are(target, slots, _booked(warm) + _booked(outcome)),
    )  # fmt: skip


SEATS, BUYERS = 20, 1_000


def _flash(target: Target, size: Size) -> Play:
    [first] = target.make_slots(doctors=1, capacity=SEATS)
    [slot] = target.make_slots(doctors=1, capacity=SEATS)
    warm = [target.booking(first, each) for each in target.patients[:128]]
    requests = [target.booking(slot, each) for each in target.patients[:BUYERS]]

    def check(_: Outcome, outcome: Outcome) -> str:
        held, waiting = target.seats(slot)
        wanted = outcome.statuses[201] == held == SEATS and outcome.statuses[202] == waiting == BUYERS - SEATS
        return "" if wanted else f"{held} seats sold, {waiting} waiting; statuses {dict(outcome.statuses)}"

    return Play(requests, warm, BUYERS, check=check)


def _mixed(target: Target, size: Size) -> Play:
    chance = random.Random(8)
    seated, arrived = 20, 10
    slots = target.make_slots(doctors=40, each=2, capacity=45)
    patients = itertools.cycle(target.patients)
    tokens: list[str] = []
    for slot in slots:
        tokens += target.fill(slot, _take(patients, seated))
        target.fill(slot, _take(patients, arrived), arrived=True)
    chance.shuffle(tokens)
    to_cancel = iter(tokens)
    requests = [
        _mixed_act(target, chance, chance.choice(slots), patients, to_cancel) for _ in range(size.bookings // 2)
    ]
    return Play(requests[size.warm :], requests[: size.warm], CLIENTS, size.seconds)


def _mixed_act(
    target: Target, chance: random.Random, slot: str, patients: Iterator[str], to_cancel: Iterator[str]
) -> bytes:
    dice, key = chance.random(), f"mixed-{chance.getrandbits(64):x}"
    if dice < 0.20 and (token := next(to_cancel, None)):
        return target.request("DELETE", f"tokens/{token}/", key=key)
    if dice < 0.25:
        return target.request("POST", "tokens/emergency/", {"slot_id": slot, "patient_id": next(patients)}, key=key)
    if dice < 0.29:
        return target.request("POST", f"slots/{slot}/call_next/", {}, key=key)
    if dice < 0.30:
        return target.request("PUT", f"slots/{slot}/delay/", {"delay_minutes": chance.choice([0, 15, 30])}, key=key)
    category = chance.choices(["ONLINE", "WALKIN", "FOLLOWUP", "PRIORITY_PAID"], [45, 30, 15, 10])[0]
    return target.booking(slot, next(patients), category, key=key)


# One request after another, in slots of very different lengths


def _emergency(length: int) -> Callable[[Target, Size], Play]:
    def prepare(target: Target, size: Size) -> Play:
        requests = []
        for slot, acts in _filled(target, size.acts + 5, each=min(size.acts + 5, max(5, length // 2)), length=length):
            for patient in target.patients[length : length + acts]:
                requests.append(target.request("POST", "tokens/emergency/", {"slot_id": slot, "patient_id": patient}))
        return Play(requests[5:], requests[:5])

    return prepare


def _cancel(length: int) -> Callable[[Target, Size], Play]:
    def prepare(target: Target, size: Size) -> Play:
        chance, requests = random.Random(8), []
        total, each = size.acts + 5, min(size.acts + 5, length // 2)
        for slot, acts in _slots_for(target, total, each=each, capacity=length):
            made = target.fill(slot, target.patients[: length + acts])
            for token in chance.sample(made[:length], acts):
                requests.append(target.request("DELETE", f"tokens/{token}/"))
        return Play(requests[5:], requests[:5])

    return prepare


def _delay(target: Target, size: Size) -> Play:
    slots = target.make_slots(doctors=1, each=10, capacity=20)
    for place, slot in enumerate(slots):
        target.fill(slot, target.patients[20 * place : 20 * place + 20])
    path = f"slots/{slots[0]}/delay/"
    requests = [target.request("PUT", path, {"delay_minutes": 30 - 30 * (turn % 2)}) for turn in range(size.acts + 4)]
    return Play(requests[4:], requests[:4])


# Reading


def _queue_path(target: Target, length: int) -> str:
    [slot] = target.make_slots(doctors=1, capacity=min(10_000, length + 5_000))
    target.fill(slot, target.patients[:length])
    return f"slots/{slot}/tokens/?in_queue=true"


def _queue(length: int) -> Callable[[Target, Size], Play]:
    def prepare(target: Target, size: Size) -> Play:
        one = target.request("GET", _queue_path(target, length))
        return Play([one], [one] * 16, READERS, size.seconds, repeat=True)

    return prepare


def _queue_unchanged(length: int) -> Callable[[Target, Size], Play]:
    def prepare(target: Target, size: Size) -> Play:
        path = _queue_path(target, length)
        _, headers, _ = target.ask(target.request("GET", path))
        known = headers.get("etag", '"none"')
        one = target.request("GET", path, headers={"If-None-Match": known})
        return Play(
            [one], [one] * 16, READERS, size.seconds, repeat=True,
            check=lambda warm, outcome: "" if set(outcome.statuses) == {304} else f"not only 304: {outcome.statuses}",
        )  # fmt: skip

    return prepare


def _queue_with_writes(target: Target, size: Size) -> Play:
    path = _queue_path(target, 500)
    slot, read = path.split("/")[1], target.request("GET", path)
    requests = []
    for patient in target.patients[500 : 500 + size.bookings // 50]:
        requests += [target.booking(slot, patient), *[read] * 49]
    return Play(requests[50:], requests[:50], READERS, size.seconds)


# Helpers


def _booked(outcome: Outcome) -> int:
    return outcome.statuses[201]


def _seats_are(target: Target, slots: Sequence[str], promised: int) -> str:
    held = sum(target.seats(slot)[0] for slot in slots)
    return "" if held == promised else f"{promised} seats were acknowledged, {held} are held"


def _take(patients: Iterator[str], count: int) -> list[str]:
    return list(itertools.islice(patients, count))


def _slots_for(target: Target, acts: int, *, each: int, capacity: int) -> Iterator[tuple[str, int]]:
    """Yield slots and their number of requests: at most `each`, so that the slot's length stays about the same."""
    count = -(-acts // each)
    for slot in target.make_slots(doctors=count, capacity=capacity):
        yield slot, min(each, acts)
        acts -= each


def _filled(target: Target, acts: int, *, each: int, length: int) -> Iterator[tuple[str, int]]:
    for slot, share in _slots_for(target, acts, each=each, capacity=length):
        target.fill(slot, target.patients[:length])
        yield slot, share
