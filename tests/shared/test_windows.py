from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_shared.windows import (
    Grain,
    Span,
    Window,
    cut,
    floor,
    halve,
    plan,
    slices,
    span_of_run,
    steps,
)

ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "America/Havana",
        "Africa/Cairo",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    )
]
GRAINS: list[Grain] = ["hour", "day", "week", "month"]
START = datetime(2024, 3, 1, tzinfo=UTC)
moments = st.datetimes(
    min_value=datetime(2005, 1, 1),  # noqa: DTZ001 - the zone is its own argument
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
zones = st.sampled_from(ZONES)
lengths = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=40))


def covers(windows: list[Window], start: datetime, end: datetime) -> bool:
    """Tell whether windows follow each other without gap or overlap, from start to end."""
    return (
        windows[0].start == start
        and windows[-1].end == end
        and all(one.end == two.start for one, two in pairwise(windows))
        and all(window.start < window.end for window in windows)
    )


@given(moments, st.timedeltas(timedelta(0), timedelta(days=400)), lengths)
@example(START, timedelta(days=3), timedelta(weeks=999_999))
def test_a_plan_covers_its_span_and_nothing_else(
    start: datetime, reach: timedelta, length: timedelta
) -> None:
    length = max(length, reach / 500)
    windows = list(plan(Span(start, start + reach), length))
    if not reach:
        assert windows == []
        return
    assert covers(windows, start, start + reach)
    assert all(window.length == length for window in windows[:-1])
    assert windows[-1].length <= length


@given(moments, st.timedeltas(timedelta(0), timedelta(days=400)),
       st.timedeltas(timedelta(0), timedelta(days=40)), lengths)  # fmt: skip
def test_slices_are_the_same_wherever_a_span_begins(
    since: datetime, later: timedelta, reach: timedelta, length: timedelta
) -> None:
    length = max(length, (later + reach) / 500)
    start, end = since + later, since + later + reach
    whole = list(slices(Span(since, end), length, since))
    part = list(slices(Span(start, end), length, since))
    assert part == whole[len(whole) - len(part) :]
    assert bool(part) == (reach > timedelta(0))
    if part:
        assert part[0].start <= start < part[0].start + length


def test_nothing_is_planned_where_the_end_is_before_the_start() -> None:
    assert list(plan(Span(START, START - timedelta(days=1)), timedelta(days=1))) == []
    assert list(steps(Span(START, START), ZONES[0], "day")) == []


@given(moments, lengths, st.sampled_from([timedelta(seconds=1), timedelta(minutes=1)]))
@example(START, timedelta(seconds=1.5), timedelta(seconds=1))
def test_halving_ends_and_loses_nothing(
    start: datetime, length: timedelta, grain: timedelta
) -> None:
    window = Window(start, start + length)
    halves = halve(window, grain)
    if halves is None:
        assert length <= grain
        return
    assert covers(list(halves), start, start + length)
    assert max(half.length for half in halves) < length
    assert (halves[0].length / grain).is_integer()


@given(moments, lengths, st.integers(-1, 60), st.sampled_from([1, 60]))
@example(START, timedelta(seconds=1.5), 2, 1)
@example(START, timedelta(seconds=2.01), 3, 1)
def test_cutting_covers_the_window_at_whole_grains(
    start: datetime, length: timedelta, parts: int, seconds: int
) -> None:
    grain = timedelta(seconds=seconds)
    window = Window(start, start + length)
    pieces = cut(window, parts, grain)
    assert covers(pieces, start, start + length)
    assert len(pieces) <= max(1, parts)
    assert all(((piece.start - start) / grain).is_integer() for piece in pieces)
    if parts > 1 and length > grain:
        assert len(pieces) > 1


@given(moments, zones, st.sampled_from(GRAINS))
@example(datetime(2018, 11, 4, 3, 30, tzinfo=UTC), ZoneInfo("America/Sao_Paulo"), "day")
@example(datetime(2024, 11, 3, 4, 30, tzinfo=UTC), ZoneInfo("America/Havana"), "day")
@example(datetime(2011, 12, 30, 9, 0, tzinfo=UTC), ZoneInfo("Pacific/Apia"), "day")
@example(datetime(2024, 5, 1, 10, 20, tzinfo=UTC), ZoneInfo("Asia/Kathmandu"), "hour")
def test_a_period_begins_at_its_local_start_and_holds_its_moment(
    moment: datetime, zone: ZoneInfo, grain: Grain
) -> None:
    start = floor(moment, zone, grain)
    assert start <= moment
    assert floor(start, zone, grain) == start
    window = next(steps(Span(moment, moment + timedelta(seconds=1)), zone, grain))
    assert window.start == start
    assert moment < window.end
    local = start.astimezone(zone)
    assert local.second == 0
    if grain == "hour":
        assert local.minute == 0 or zone.key == "Australia/Lord_Howe"
    else:
        before = (start - timedelta(microseconds=1)).astimezone(zone)
        assert before.date() < local.date()
    if grain == "week":
        assert local.weekday() == 0 or zone.key == "Pacific/Apia"
    if grain == "month":
        assert local.day == 1


@given(moments, st.timedeltas(timedelta(seconds=1), timedelta(days=70)), zones,
       st.sampled_from(GRAINS))  # fmt: skip
@example(datetime(2011, 12, 28, tzinfo=UTC), timedelta(days=5), ZoneInfo("Pacific/Apia"), "day")
def test_periods_follow_each_other_over_every_change_of_the_clock(
    start: datetime, reach: timedelta, zone: ZoneInfo, grain: Grain
) -> None:
    reach = min(reach, timedelta(days=4)) if grain == "hour" else reach
    windows = list(steps(Span(start, start + reach), zone, grain))
    assert all(one.end == two.start for one, two in pairwise(windows))
    assert windows[0].start <= start < windows[0].end
    assert windows[-1].start < start + reach <= windows[-1].end
    longest = {"hour": 1.5, "day": 25, "week": 7 * 24 + 1, "month": 31 * 24 + 1}[grain]
    assert all(timedelta(0) < w.length <= timedelta(hours=longest) for w in windows)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", datetime(2024, 3, 31, 12, tzinfo=UTC), 23),
        ("Europe/Berlin", datetime(2024, 10, 27, 12, tzinfo=UTC), 25),
        ("America/Sao_Paulo", datetime(2018, 11, 4, 12, tzinfo=UTC), 23),
        ("America/Havana", datetime(2024, 11, 3, 12, tzinfo=UTC), 25),
        ("Australia/Lord_Howe", datetime(2024, 4, 7, 3, tzinfo=UTC), 24.5),
        ("Australia/Lord_Howe", datetime(2024, 10, 6, 3, tzinfo=UTC), 23.5),
        ("Asia/Kathmandu", datetime(2024, 10, 6, 3, tzinfo=UTC), 24),
    ],
)
def test_a_local_day_is_as_long_as_the_clock_makes_it(
    zone: str, day: datetime, hours: float
) -> None:
    window = next(steps(Span(day, day + timedelta(hours=1)), ZoneInfo(zone), "day"))
    assert window.length == timedelta(hours=hours)


@given(
    start=moments,
    end=st.none() | moments,
    mark=st.none() | moments,
    lookback=st.timedeltas(timedelta(0), timedelta(days=60)),
    run=moments,
    lag=st.timedeltas(timedelta(0), timedelta(days=1)),
)
@example(START, None, START, timedelta(days=999_999), START, timedelta(0))
@example(START, None, START, timedelta(weeks=999_999), START, timedelta(0))
def test_a_run_reads_nothing_before_the_start_date_or_past_the_runs_start(
    start: datetime,
    end: datetime | None,
    mark: datetime | None,
    lookback: timedelta,
    run: datetime,
    lag: timedelta,
) -> None:
    span = span_of_run(
        start_date=start, end_date=end, bookmark=mark, lookback=lookback, run_start=run, lag=lag
    )
    assert span.start >= start
    assert span.end <= run - lag
    assert end is None or span.end <= end
    assert span.watermark == mark
    if mark is None:
        assert span.start == start
    else:
        assert span.start <= max(start, mark)
        assert span.start in {start, mark - min(lookback, timedelta(days=99_999))}


def test_a_window_is_printed_half_open() -> None:
    window = Window(START, START + timedelta(hours=1.5))
    assert str(window) == "[2024-03-01T00:00:00Z, 2024-03-01T01:30:00Z)"
