"""A refusal teaches the pace where none is declared."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tap_shared.rate_limit import RateLimit
from tests.shared.test_rate_limit import Clock, gate, start


def sent(limit: RateLimit, clock: Clock, count: int) -> list[float]:
    return [start(limit, clock) for _ in range(count)]


def burst(limit: RateLimit, clock: Clock, accepted: int, refused: int = 2) -> None:
    """Send side by side; the vendor takes so many and refuses the others."""
    starts = []
    for _ in range(accepted + refused):
        clock.now += 1e-6
        starts.append(start(limit, clock))
    for at in starts[accepted:]:
        limit._own.start = at
        limit.refused(1)


def test_the_number_accepted_in_the_second_before_is_the_rate() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    sent(limit, clock, 3)  # long ago
    clock.now += 10
    sent(limit, clock, 5)
    clock.now += 0.5
    burst(limit, clock, 5, refused=1)
    starts = sent(limit, clock, 10)
    assert starts == [starts[0]] * 10  # one refusal may be about anything
    clock.now += 0.1
    burst(limit, clock, 0, refused=1)
    starts = sent(limit, clock, 21)
    assert all(two - one == pytest.approx(0.103) for one, two in pairwise(starts))


def test_several_refusals_of_one_burst_teach_at_once_and_once() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    begun = clock.now
    burst(limit, clock, 10, refused=6)
    starts = sent(limit, clock, 5)
    assert begun + 1 <= starts[0] <= begun + 1.03  # what is granted for lateness included
    assert all(two - one == pytest.approx(0.103) for one, two in pairwise(starts))


def test_a_declared_rate_is_not_unlearned() -> None:
    clock = Clock()
    limit = gate(clock, 600)
    burst(limit, clock, 3)
    one, two = sent(limit, clock, 2)
    assert two - one == pytest.approx(0.103)


def test_a_refusal_at_less_than_was_once_accepted_is_not_about_the_pace() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    sent(limit, clock, 30)
    for _ in range(9):
        clock.now += 1.5
        burst(limit, clock, 3, refused=1)
    starts = sent(limit, clock, 20)
    assert starts == [starts[0]] * 20


def test_a_long_wait_is_no_lesson_about_the_pace() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    for _ in range(3):
        sent(limit, clock, 3)
        limit.refused(60)
    assert sent(limit, clock, 3) == [1180.0] * 3


def test_who_never_sent_anything_only_holds() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    limit.refused(1)
    assert sent(limit, clock, 2) == [1001.0] * 2


def test_a_pace_that_is_refused_grows_slower_and_is_forgotten_in_the_end() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    burst(limit, clock, 10)
    gaps = []
    for _ in range(4):
        clock.now += 5
        burst(limit, clock, 2, refused=1)
        one, two = sent(limit, clock, 2)
        gaps.append(two - one)
    assert gaps == pytest.approx([0.1133, 0.12463, 0.137093, 0])
    burst(limit, clock, 10)
    starts = sent(limit, clock, 20)
    assert starts == [starts[0]] * 20


def test_refusals_far_apart_slow_a_pace_and_leave_it() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    burst(limit, clock, 10)
    for _ in range(6):
        clock.now += 30
        burst(limit, clock, 2, refused=1)
    one, two = sent(limit, clock, 2)
    assert two - one == pytest.approx(0.103 * 1.1**6)
