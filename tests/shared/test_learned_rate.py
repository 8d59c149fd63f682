"""A refusal teaches the pace where none is declared."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tap_shared.rate_limit import RateLimit
from tests.shared.test_rate_limit import Clock, gate, start


def sent(limit: RateLimit, clock: Clock, count: int) -> list[float]:
    return [start(limit, clock) for _ in range(count)]


def test_the_number_accepted_in_the_second_before_is_the_rate() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    sent(limit, clock, 3)  # long ago
    clock.now += 10
    sent(limit, clock, 5)
    clock.now += 0.5
    sent(limit, clock, 6)  # the sixth is one too many
    limit.refused(1)
    starts = sent(limit, clock, 21)
    assert starts[0] == pytest.approx(1011.5)
    assert all(two - one == pytest.approx(0.103) for one, two in pairwise(starts))


def test_a_declared_rate_is_not_unlearned() -> None:
    clock = Clock()
    limit = gate(clock, 600)
    sent(limit, clock, 3)
    limit.refused(1)
    one, two = sent(limit, clock, 2)
    assert two - one == pytest.approx(0.103)


def test_only_the_first_refusal_of_a_burst_teaches() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    sent(limit, clock, 11)
    for _ in range(4):  # several of those under way are refused
        limit.refused(1)
    one, two = sent(limit, clock, 2)
    assert two - one == pytest.approx(0.103)


def test_a_later_refusal_teaches_again_and_only_slows() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    sent(limit, clock, 11)
    limit.refused(1)
    sent(limit, clock, 6)
    clock.now += 0.6
    sent(limit, clock, 1)
    limit.refused(1)
    one, two = sent(limit, clock, 2)
    slower = two - one
    assert slower > 0.103
    clock.now += 5
    sent(limit, clock, 1)
    limit.refused(1)
    one, two = sent(limit, clock, 2)
    assert two - one >= slower


def test_a_long_wait_is_no_lesson_about_the_pace() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    sent(limit, clock, 3)
    limit.refused(60)
    assert sent(limit, clock, 3) == [1060.0] * 3


def test_who_never_sent_anything_only_holds() -> None:
    clock = Clock()
    limit = gate(clock, 0)
    limit.refused(1)
    assert sent(limit, clock, 2) == [1001.0] * 2
