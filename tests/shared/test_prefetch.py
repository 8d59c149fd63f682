from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_shared.page import Page
from tap_shared.prefetch import Fence, Lead, Node, ReadAhead, Step

LEADS = 4  # every so-manyth job is one

# A node: a number is a fence; a pair is a job with its name and the nodes that follow it.
Plan = list[Any]
plans = st.recursive(
    st.lists(st.integers(0, 3), max_size=2),
    lambda inner: st.lists(st.integers(0, 3) | st.tuples(st.integers(0, 99), inner), max_size=4),
    max_leaves=25,
)


class Flight:
    """Builds nodes from a plan, and counts what runs at once."""

    def __init__(self, seed: int = 0, *, slowest: float = 0.0, size: int = 0) -> None:
        self.random = random.Random(seed)  # noqa: S311 - no secret
        self.slowest = slowest
        self.size = size
        self.lock = threading.Lock()
        self.running = self.most = self.started = 0

    def nodes(self, plan: Plan) -> list[Node]:
        return [Fence(node) if isinstance(node, int) else self.node(*node) for node in plan]

    def node(self, name: int, then: Plan) -> Node:
        job = self.job(name, then)
        return Lead(job) if name % LEADS == 0 else job

    def job(self, name: int, then: Plan) -> Callable[[], Step]:
        pause = self.random.uniform(0, self.slowest)
        following = self.nodes(then)

        def work() -> Step:
            with self.lock:
                self.started += 1
                self.running += 1
                self.most = max(self.most, self.running)
            time.sleep(pause)
            with self.lock:
                self.running -= 1
            return Step(Page([{"name": name}], size=self.size), following)

        return work


def expected(plan: Plan) -> Iterator[Any]:
    for node in plan:
        if isinstance(node, int):
            yield f"fence {node}"
        else:
            yield node[0]
            yield from expected(node[1])


def told(item: Page | Fence) -> Any:
    return f"fence {item.what}" if isinstance(item, Fence) else item.rows[0]["name"]


def outcome(items: Iterator[Page | Fence]) -> tuple[list[Any], LookupError | None]:
    """Give what came out, and the error that ended it."""
    seen = []
    try:
        for item in items:
            seen.append(told(item))  # noqa: PERF401 - what came before the error counts
    except LookupError as err:
        return seen, err
    return seen, None


def threads() -> int:
    return sum(1 for thread in threading.enumerate() if thread.name.startswith("Thread-"))


@settings(deadline=None, max_examples=150)
@given(plans, st.integers(1, 8), st.integers(0, 1000))
def test_the_order_is_that_of_the_list_for_any_width_and_speed(
    plan: Plan, width: int, seed: int
) -> None:
    flight = Flight(seed, slowest=0.002)
    found = [told(item) for item in ReadAhead(width).run(flight.nodes(plan))]
    assert found == list(expected(plan))
    assert flight.most <= width


@settings(deadline=None, max_examples=50)
@given(plans, st.integers(1, 4), st.integers(1, 3))
def test_a_small_buffer_slows_down_but_never_stops(plan: Plan, width: int, pages: int) -> None:
    flight = Flight(size=10_000)
    ahead = ReadAhead(width, buffer_bytes=10_000 * pages)
    assert [told(item) for item in ahead.run(flight.nodes(plan))] == list(expected(plan))


def test_side_by_side_is_quicker_than_one_after_the_other() -> None:
    flight = Flight(slowest=0.0)
    begun = threading.Barrier(4, timeout=5)

    def work() -> Step:
        begun.wait()
        return Step(Page([{}]))

    assert len(list(ReadAhead(4).run([work] * 8))) == 8
    assert flight.most == 0


def test_what_is_read_ahead_of_a_slow_reader_is_bounded() -> None:
    flight = Flight(size=10_000)
    reader = ReadAhead(3, buffer_bytes=100_000).run(flight.job(n, []) for n in range(200))
    next(reader)
    time.sleep(0.2)
    # Ten pages fill the buffer, and what was on its way then may still come.
    assert flight.started <= 1 + 10 + 3
    assert len(list(reader)) == 199


def test_pages_without_a_size_are_bounded_in_number() -> None:
    flight = Flight(size=0)
    reader = ReadAhead(2, buffer_bytes=1 << 20).run(flight.job(n, []) for n in range(20_000))
    next(reader)
    time.sleep(0.3)
    assert flight.started < 300
    reader.close()  # type: ignore[attr-defined]


def test_an_error_comes_out_where_its_page_would_have_been() -> None:
    def fail() -> Step:
        raise LookupError("third")

    def slow(name: int) -> Callable[[], Step]:
        def work() -> Step:
            time.sleep(0.05)
            return Step(Page([{"name": name}]))

        return work

    seen, error = outcome(ReadAhead(8).run([slow(1), Fence(7), slow(2), fail, slow(4)]))
    assert seen == [1, "fence 7", 2]
    assert str(error) == "third"


def test_an_error_of_the_source_comes_out_in_its_place_too() -> None:
    flight = Flight(slowest=0.01)

    def source() -> Iterator[Node]:
        for name in range(5):
            yield flight.job(name, [])
        raise LookupError("the plan is wrong")

    for width in (1, 2, 8):
        seen, error = outcome(ReadAhead(width).run(source()))
        assert seen == [0, 1, 2, 3, 4]
        assert str(error) == "the plan is wrong"


def test_a_job_that_gives_nonsense_is_an_error_and_no_standstill() -> None:
    def nonsense() -> Any:
        return None

    with pytest.raises(AttributeError):
        list(ReadAhead(2).run([nonsense]))


def test_a_thread_that_cannot_start_is_an_error_and_no_standstill(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flight = Flight(slowest=0.01)
    start = threading.Thread.start
    count = iter(range(100))

    def sometimes(thread: threading.Thread) -> None:
        if next(count) == 3:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", sometimes)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(ReadAhead(2).run([flight.job(n, []) for n in range(6)]))


def test_what_is_pushed_at_a_fence_comes_before_all_the_rest() -> None:
    flight = Flight(slowest=0.005)
    ahead = ReadAhead(4)
    seen = []
    again = [(9, [(10, [])]), 1]
    for item in ahead.run(flight.nodes([(1, []), 1, (2, []), 2, (3, [])])):
        seen.append(told(item))
        if told(item) == "fence 1" and again:
            ahead.push(flight.nodes(again))
            again = []
    assert seen == [1, "fence 1", 9, 10, "fence 1", 2, "fence 2", 3]


@settings(deadline=None, max_examples=30)
@given(plans, st.integers(1, 4), st.integers(0, 5))
def test_closing_midway_starts_nothing_more(plan: Plan, width: int, after: int) -> None:
    flight = Flight(slowest=0.002)
    before = threads()
    reader = ReadAhead(width).run(flight.nodes(plan))
    for _ in range(after):
        next(reader, None)
    reader.close()  # type: ignore[attr-defined]
    started = flight.started
    deadline = time.monotonic() + 5
    while threads() > before and time.monotonic() < deadline:
        time.sleep(0.001)
    assert threads() <= before
    assert flight.started <= started + width


def test_no_thread_is_left_after_the_end() -> None:
    before = threads()
    flight = Flight(slowest=0.003)
    list(ReadAhead(8).run(flight.nodes([(n, [(n, [])]) for n in range(30)])))
    time.sleep(0.05)
    assert threads() <= before


def test_many_small_jobs_are_not_read_in_quadratic_time() -> None:
    flight = Flight()
    begun = time.process_time()
    jobs = [flight.job(n, []) for n in range(3_000)]
    assert len(list(ReadAhead(4).run([lambda: Step(None, jobs)]))) == 3_000
    assert time.process_time() - begun < 5


def test_a_source_is_drawn_only_as_far_as_there_is_room() -> None:
    flight = Flight()
    drawn = []

    def source() -> Iterator[Node]:
        for name in range(1000):
            drawn.append(name)
            yield flight.job(name, [])

    reader = ReadAhead(2, buffer_bytes=1).run(source())
    flight.size = 5
    next(reader)
    time.sleep(0.1)
    assert len(drawn) < 10
    reader.close()  # type: ignore[attr-defined]


def test_a_lead_starts_while_the_last_jobs_before_it_wait() -> None:
    started: list[str] = []

    def job(name: str, *then: Node) -> Callable[[], Step]:
        def work() -> Step:
            started.append(name)
            time.sleep(0.01)
            return Step(Page([{"name": name}]), then)

        return work

    before = [job(f"a{n}") for n in range(10)]
    reader = ReadAhead(2).run([job("first", *before, Fence(), Lead(job("lead", job("after"))))])
    names = [item.rows[0]["name"] for item in reader if isinstance(item, Page)]
    assert names == ["first", *(f"a{n}" for n in range(10)), "lead", "after"]
    assert 5 < started.index("lead") < 10


def test_one_job_at_a_time_runs_in_the_readers_thread_when_its_turn_comes() -> None:
    ran: list[tuple[int, threading.Thread]] = []

    def job(number: int) -> Callable[[], Step]:
        def work() -> Step:
            ran.append((number, threading.current_thread()))
            return Step(Page([{"number": number}]), [job(number + 10)] if number < 10 else ())

        return work

    ahead = ReadAhead(1)
    ahead.begin(job(number) for number in range(3))
    assert ran == []
    given = 0
    for given, item in enumerate(ahead.run(), start=1):
        assert isinstance(item, Page)
        assert item.rows == [{"number": ran[-1][0]}]
        assert len(ran) == given
    assert given == 6
    assert [number for number, _ in ran] == [0, 10, 1, 11, 2, 12]
    assert {thread for _, thread in ran} == {threading.current_thread()}


def test_an_error_of_the_one_job_is_the_readers() -> None:
    def fail() -> Step:
        raise ValueError("no")

    ahead = ReadAhead(1)
    with pytest.raises(ValueError, match="no"):
        list(ahead.run([lambda: Step(Page([{}])), fail, fail]))
