"""Windows in the account's time: cut without a gap, and never within an hour that happens twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tap_callgear.local_time import LocalDays, WallClock
from tap_shared.windows import Window

ZONES = (
    "Europe/Berlin", "America/Havana", "Africa/Cairo", "America/Asuncion", "Pacific/Apia",
    "Australia/Lord_Howe", "Asia/Kathmandu", "Atlantic/Azores",
)  # fmt: skip
"""Clocks change at night, at midnight, by half an hour, by a day, and not at all."""

zones = st.sampled_from(ZONES).map(ZoneInfo)
seconds = st.integers(0, 16 * 365 * 86_400).map(lambda s: timedelta(seconds=s))
starts = seconds.map(lambda shift: datetime(2010, 1, 1, tzinfo=UTC) + shift)
lengths = st.integers(1, 40 * 86_400).map(lambda s: timedelta(seconds=s))


def assert_gapless(parts: list[Window], whole: Window) -> None:
    assert (parts[0].start, parts[-1].end) == (whole.start, whole.end)
    assert all(before.end == after.start for before, after in pairwise(parts))
    assert all(part.start < part.end for part in parts)


@given(zones, starts, lengths, st.integers(1, 60))
def test_days_are_cut_at_midnights(
    zone: ZoneInfo, start: datetime, length: timedelta, count: int
) -> None:
    days, whole = LocalDays(zone), Window(start, start + length)
    parts = days.cut(whole, count)
    assert_gapless(parts, whole)
    asked = [days.range(part) for part in parts]
    assert all(a["date_till"][:10] < b["date_from"][:10] for a, b in pairwise(asked))
    assert (asked[0]["date_from"], asked[-1]["date_till"]) == tuple(days.range(whole).values())
    assert len(parts) <= count
    is_one_day = asked[0]["date_from"][:10] == asked[-1]["date_till"][:10]
    assert is_one_day or count == 1 or len(parts) > 1
    edge = days.edge(start)
    assert start <= edge == days.edge(edge)
    assert days.unit(start).start <= start < days.unit(start).end


BACK = {
    "Europe/Berlin": datetime(2026, 10, 25, 1, tzinfo=UTC),
    "America/Havana": datetime(2026, 11, 1, 5, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),
    "Atlantic/Azores": datetime(2026, 10, 25, 1, tzinfo=UTC),
}
"""Zone -> when its clocks go back."""


def is_ambiguous(text: str, zone: ZoneInfo) -> bool:
    """Tell whether a local text means two moments; one that spring leaves out does not."""
    first, second = (datetime.fromisoformat(text).replace(tzinfo=zone, fold=n) for n in (0, 1))
    return first.astimezone(UTC) < second.astimezone(UTC)


@given(
    st.sampled_from(sorted(BACK)),
    st.integers(-3 * 3600, 3 * 3600),
    st.integers(1, 4 * 3600),
    st.integers(1, 60),
)
def test_no_range_begins_or_ends_in_an_hour_that_happens_twice(
    name: str, shift: int, length: int, count: int
) -> None:
    zone, start = ZoneInfo(name), BACK[name] + timedelta(seconds=shift)
    clock, whole = WallClock(zone), Window(start, start + timedelta(seconds=length))
    parts = clock.cut(whole, count)
    assert_gapless(parts, whole)
    for part in parts:
        asked = clock.range(part)
        assert not any(is_ambiguous(text, zone) for text in asked.values())
        assert clock.instant(asked["date_from"]) <= part.start
        assert clock.instant(asked["date_till"]) >= part.end
