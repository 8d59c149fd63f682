"""When a window counts as read, against a vendor made of a list."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_pbx.history import PAGE_SIZE, CallRead, Part, whole_seconds
from tap_shared.errors import StreamFailed
from tap_shared.windows import Window

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
Call = tuple[str, datetime, int]
NAMES = ("showInbound", "showOutbound", "showInternal")


class List:
    """The vendor's list: an order of its own for each request, and an honest count or not."""

    def __init__(self, calls: list[Call], count: Callable[[Part, int], int] | None = None) -> None:
        self.calls = calls
        self.count = count or (lambda _part, found: found)
        self.asked: list[Part] = []
        self.rng = random.Random(1)  # noqa: S311 - seeded, not a secret
        self.page_size = PAGE_SIZE
        self.hides: Callable[[Part], set[str]] = lambda _part: set()

    def read(self, part: Part) -> None:
        """Read every page of one pass, as the stream does."""
        part.begin()
        self.asked.append(part)
        total, pages, number = 0, 1, 1
        while number <= pages:
            found = self._found(part)
            total = self.count(part, len(found))
            page = found[(number - 1) * self.page_size : number * self.page_size]
            shown = {key: at.replace(microsecond=0) for key, at in page}
            for key in self.hides(part) & shown.keys():
                del shown[key]
            part.note([*shown], shown.values(), total)
            if number == 1:
                pages = part.pages(len(page), total, 0)
            number += 1

    def _found(self, part: Part) -> list[tuple[str, datetime]]:
        hidden = {NAMES.index(name) for name, flag in part.params if flag == "0"}
        found = [
            (key, at)
            for key, at, direction in self.calls
            if part.window.start <= at <= part.window.end and direction not in hidden
        ]
        self.rng.shuffle(found)
        return found


def finish(vendor: List, window: Window = DAY) -> CallRead:
    read = CallRead(window, {"tenant_id": "0"})
    for part in list(read.parts):
        vendor.read(part)
    while (part_ := read.following()) is not None:
        vendor.read(part_)
        assert len(vendor.asked) < 5000
    return read


def calls(count: int, spread: timedelta) -> list[Call]:
    rng = random.Random(2)  # noqa: S311 - seeded, not a secret
    return [(f"call-{n}", START + spread * rng.random(), n % 3) for n in range(count)]


def seen(vendor: List) -> set[str]:
    return set().union(*(part.keys for part in vendor.asked))


def test_a_window_of_one_page_is_read_once() -> None:
    vendor = List(calls(500, timedelta(hours=20)))
    finish(vendor)
    assert len(vendor.asked) == 1
    assert seen(vendor) == {key for key, _, _ in vendor.calls}


@settings(deadline=None)
@given(st.integers(501, 1300), st.sampled_from([0, 1, 3600]))
def test_pages_without_order_are_read_until_all_are_there(count: int, seconds: int) -> None:
    vendor = List(calls(count, timedelta(seconds=seconds)))
    finish(vendor)
    assert seen(vendor) == {key for key, _, _ in vendor.calls}


def test_a_count_that_moves_while_pages_are_read_is_not_believed() -> None:
    counts = iter([600, 601, 601, 601])
    vendor = List(calls(600, timedelta(hours=1)), lambda _part, _found: next(counts))
    part = Part(DAY)
    vendor.read(part)
    part.keys["late"] = None
    assert not part.is_complete


def test_a_day_that_never_adds_up_is_halved_where_its_parts_do() -> None:
    def count(part: Part, found: int) -> int:
        return found + (part.window.length > timedelta(hours=1))

    vendor = List(calls(40, timedelta(hours=20)), count)
    finish(vendor)
    assert {part.window.length < timedelta(hours=1, seconds=1) for part in vendor.asked} == {
        True,
        False,
    }


def test_a_second_that_does_not_add_up_is_asked_for_by_direction() -> None:
    vendor = List([(f"call-{n}", START, n % 3) for n in range(30)])
    hidden = {"call-3", "call-4"}
    vendor.hides = lambda part: set() if part.is_directed and part.params else hidden
    finish(vendor, Window(START, START + timedelta(seconds=1)))
    assert seen(vendor) == {key for key, _, _ in vendor.calls}
    asked = [dict(part.params) for part in vendor.asked if part.params]
    assert [{name for name in NAMES if flags[name] == "1"} for flags in asked] == [
        {name} for name in NAMES
    ]


def test_what_never_adds_up_fails_after_a_bounded_number_of_questions() -> None:
    vendor = List(calls(10, timedelta(hours=20)), lambda _part, found: found + bool(found))
    with pytest.raises(StreamFailed, match="bookmark stays before"):
        finish(vendor)
    assert len(vendor.asked) < 200


def test_a_window_of_very_many_pages_is_halved_before_it_is_paged() -> None:
    vendor = List(calls(900, timedelta(hours=23)))
    vendor.page_size = 10
    finish(vendor)
    assert seen(vendor) == {key for key, _, _ in vendor.calls}
    assert not any(part.window == DAY and part.is_complete for part in vendor.asked)


def test_windows_are_asked_for_in_whole_seconds_that_cover_them() -> None:
    odd = timedelta(microseconds=400_000)
    assert whole_seconds(Window(START + odd, DAY.end + odd)) == Window(
        START, DAY.end + timedelta(seconds=1)
    )
    assert whole_seconds(DAY) == DAY
