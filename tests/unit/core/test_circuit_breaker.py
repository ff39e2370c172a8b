"""The circuit breaker opens after consecutive failures, allows one trial call, and closes when it succeeds."""

import threading
import time

from core.redis.circuit_breaker import Breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(failures=3, rest_seconds=60)
    for _ in range(10):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.allows()
    for _ in range(3):
        breaker.failed()
    assert breaker.is_open
    assert not breaker.allows()


def test_after_its_rest_one_caller_tries_and_the_others_still_pass_by() -> None:
    breaker = Breaker(failures=1, rest_seconds=0.05)
    breaker.failed()
    assert not breaker.allows()
    time.sleep(0.06)
    together = threading.Barrier(8)
    allowed: list[bool] = []

    def caller() -> None:
        together.wait()
        allowed.append(breaker.allows())

    threads = [threading.Thread(target=caller) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert allowed.count(True) == 1
    breaker.succeeded()
    assert breaker.allows()
    assert not breaker.is_open


def test_a_failed_trial_rests_again() -> None:
    breaker = Breaker(failures=1, rest_seconds=0.05)
    breaker.failed()
    time.sleep(0.06)
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
