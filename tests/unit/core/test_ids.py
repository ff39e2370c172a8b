"""Ids are unique and ordered by time."""

from concurrent.futures import ThreadPoolExecutor

from core.ids import new_id


def test_ids_are_uuid7_and_strictly_increasing() -> None:
    made = [new_id() for _ in range(20_000)]
    assert all(each.version == 7 and each.variant == "specified in RFC 4122" for each in made)
    assert made == sorted(set(made))


def test_threads_never_get_the_same_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [new_id() for _ in range(2_000)], range(8)))
    assert len({each for batch in batches for each in batch}) == 16_000
    assert all(batch == sorted(batch) for batch in batches)
