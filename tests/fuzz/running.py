"""Runs a target for some time, or over some cases."""

from __future__ import annotations

import math
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple, NoReturn

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

__all__ = ["Found", "Target", "fuzz"]

_A_ROUND = 500
_SIGNALS = (signal.SIGVTALRM, signal.SIGINT, signal.SIGTERM)
_CASE_SECONDS = 20  # of this process's own time


class Target(NamedTuple):
    """What is fuzzed.

    Attributes:
        cases: Gives inputs.
        check: Raises where an input makes something else than a value or a sentence.
    """

    cases: st.SearchStrategy[Any]
    check: Callable[[Any], None]


class Found(NamedTuple):
    """What came of it: how many cases were tried, and the flaw, if there was one."""

    cases: int
    flaw: str = ""


class _Over(BaseException):
    """The time is over: no failure, so no `Exception`."""


class Hang(AssertionError):
    """A case that does not end."""


def fuzz(
    target: Target, *, number: int, seconds: float = math.inf, cases: int = 0, shrinks: bool = True
) -> Found:
    """Try inputs until time, cases, or luck runs out.

    Args:
        target: What is fuzzed.
        number: The seed.
        seconds: How long.
        cases: How many; 0 is rounds of several hundred, each with a seed of its own.
        shrinks: Whether the smallest input that shows a flaw is looked for.
    """
    target.cases.validate()  # what is made once is made here, and not while inputs are drawn
    end, tried = time.monotonic() + seconds, 0
    phases = [Phase.generate, *([Phase.shrink] if shrinks else [])]
    while True:
        found = _round(target, number, end, cases or _A_ROUND, phases)
        tried, number = tried + found.cases, number + 1
        if found.flaw or cases or time.monotonic() > end:
            return Found(tried, found.flaw)


def _round(target: Target, number: int, end: float, most: int, phases: Sequence[Phase]) -> Found:
    tried = 0

    @seed(number)
    @settings(
        max_examples=most, database=None, deadline=None, report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck), phases=phases,
    )  # fmt: skip
    @given(target.cases)
    def check(case: Any) -> None:
        nonlocal tried
        if time.monotonic() > end:
            raise _Over
        tried += 1
        with _in_time():
            target.check(case)

    try:
        check()
    except _Over:
        pass
    except Exception as err:  # noqa: BLE001 - whatever it is, it is a flaw
        return Found(tried, "".join(traceback.format_exception(err)))
    return Found(tried)


@contextmanager
def _in_time() -> Iterator[None]:
    """End what computes for too long, and take back the handlers that a tap sets."""

    def stop(_signum: int, _frame: FrameType | None) -> NoReturn:
        raise Hang(f"no end within {_CASE_SECONDS} s")

    before = {one: signal.getsignal(one) for one in _SIGNALS}
    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, _CASE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        for one, handler in before.items():
            signal.signal(one, handler)
