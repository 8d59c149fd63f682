from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_shared.rate_limit import RateLimit, Stopped


class Clock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> bool:
        assert seconds > 0
        self.slept.append(seconds)
        self.now += seconds
        return False


def gate(clock: Clock, per_minute: float, in_flight: int = 1) -> RateLimit:
    return RateLimit(in_flight=in_flight, per_minute=per_minute, clock=clock, sleep=clock.sleep)


def start(limit: RateLimit, clock: Clock) -> float:
    with limit.slot():
        return clock.now


@given(st.integers(1, 1000), st.lists(st.floats(0, 200), min_size=2, max_size=30))
def test_starts_are_spaced_and_an_unused_slot_is_not_caught_up(
    per_minute: int, pauses: list[float]
) -> None:
    clock = Clock()
    limit = gate(clock, per_minute)
    starts = []
    for pause in pauses:
        starts.append(start(limit, clock))
        clock.now += pause
    gap = 60 / per_minute
    assert all(two - one >= gap for one, two in pairwise(starts))
    for first in starts:
        assert sum(first <= at < first + 60 for at in starts) <= per_minute


def test_no_limit_of_our_own_means_no_waiting() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    assert [start(limit, clock) for _ in range(100)] == [1000.0] * 100
    assert limit.waited == 0


def test_a_hold_keeps_everybody_from_starting() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    limit.hold(30)
    limit.hold(5)
    assert start(limit, clock) == 1030
    assert limit.waited == 30


def test_a_hold_declared_while_one_waits_makes_its_slot_void() -> None:
    clock = Clock()
    limit = gate(clock, 60)
    start(limit, clock)
    held = iter([20.0])

    def sleep(seconds: float) -> bool:
        limit.hold(next(held, 0.0))
        return clock.sleep(seconds)

    limit._sleep = sleep
    assert start(limit, clock) >= 1020


def test_starts_stay_spaced_behind_a_hold() -> None:
    limit = RateLimit(in_flight=8, per_minute=1200)
    starts: list[float] = []
    lock = threading.Lock()

    def work() -> None:
        with limit.slot(), lock:
            starts.append(time.monotonic())

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    limit.hold(0.3)
    for worker in workers:
        worker.join(5)
    assert len(starts) == 8
    starts.sort()
    late = [at for at in starts if at - starts[0] > 0.2] or starts
    assert min(two - one for one, two in pairwise(late)) > 0.03


def test_no_more_are_in_flight_than_set() -> None:
    limit = RateLimit(in_flight=3)
    lock = threading.Lock()
    running = most = 0

    def work() -> None:
        nonlocal running, most
        with limit.slot():
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.005)
            with lock:
                running -= 1

    workers = [threading.Thread(target=work) for _ in range(20)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(5)
    assert most == 3


def test_a_place_is_given_back_after_an_error() -> None:
    limit = RateLimit(in_flight=1)

    def fail() -> None:
        with limit.slot():
            raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            fail()
    with limit.slot():
        pass


def test_the_end_of_the_run_ends_every_wait() -> None:
    limit = RateLimit(in_flight=1, per_minute=1)
    with limit.slot():
        pass
    ended = []

    def work() -> None:
        try:
            with limit.slot():
                pass
        except Stopped:
            ended.append(time.monotonic())

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    time.sleep(0.05)
    begun = time.monotonic()
    limit.stop()
    for worker in workers:
        worker.join(5)
    assert len(ended) == 3
    assert max(ended) - begun < 1
    with pytest.raises(Stopped):
        limit.pause(0.001)
    with pytest.raises(Stopped):
        start(limit, Clock())


def test_requests_that_start_late_take_no_place_in_the_next_second() -> None:
    """A vendor counts the starts of any second: ten, where ten are allowed."""
    clock = Clock()
    lateness = iter([0.09, 0, 0, 0, 0] * 40)

    def sleep(seconds: float) -> bool:
        clock.now += seconds + next(lateness)
        return False

    limit = RateLimit(in_flight=1, per_minute=600, clock=clock, sleep=sleep)
    starts = [start(limit, clock) for _ in range(100)]
    assert all(sum(first <= at < first + 1 for at in starts) <= 10 for first in starts)
    assert starts[-1] - starts[0] < 99 * 0.1 * 1.05
