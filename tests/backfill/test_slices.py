from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_shared.backfill.ledger import Entry, Reach
from tap_shared.backfill.sealing import seal
from tap_shared.backfill.slices import (
    Slice,
    Track,
    cut,
    gaps,
    missing,
    next_days,
    reached,
    window_name,
    window_of,
)
from tap_shared.instants import instant_text
from tap_shared.windows import Window

START = datetime(2023, 3, 1, tzinfo=UTC)
TRACK = Track("tap-infinity", "calls", "north", (("igrp", 12),))
SIZES = st.sampled_from([1, 2, 4, 8, 16, 32])


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def windows_in(days: int) -> st.SearchStrategy[list[Window]]:
    edges = st.integers(-86_400, (days + 1) * 86_400)
    pairs = st.tuples(edges, edges).filter(lambda pair: pair[0] < pair[1])
    return st.lists(pairs.map(lambda pair: Window(at(pair[0]), at(pair[1]))), max_size=12)


def is_covered(moment: datetime, covered: list[Window]) -> bool:
    return any(window.start <= moment < window.end for window in covered)


def sealed(whole: Window, entries: list[tuple[Window, Entry]]) -> datetime | None:
    state = seal(whole, [(TRACK, entries)])
    parts = state["singer_state"]["bookmarks"].get("calls", {}).get("partitions", [])
    return datetime.fromisoformat(parts[0]["replication_key_value"]) if parts else None


def entry(window: Window, *contexts: dict[str, int] | None) -> Entry:
    end = instant_text(window.end)
    return Entry(
        id=Slice(TRACK, window).id, start=instant_text(window.start), end=end, rows={}, least=None,
        most=None, replication_key="triggerDatetime", seconds=1.0, finished_at=end, run_id="r",
        reaches=[Reach(context, end) for context in contexts],
    )  # fmt: skip


def test_a_slice_is_named_by_what_it_is_alone() -> None:
    piece = Slice(TRACK, Window(at(0), at(86_400)))
    assert piece.id == "tap-infinity/calls/north/igrp=12/20230301T000000Z-20230302T000000Z"
    assert window_of(window_name(piece.window)) == piece.window


@pytest.mark.parametrize("name", ["", "x", "20230301T000000Z", "20230302T000000Z-20230301T000000Z"])
def test_what_names_no_window_is_none(name: str) -> None:
    assert window_of(name) is None


@given(windows_in(20), st.integers(0, 20 * 86_400 - 1))
def test_an_instant_is_in_a_gap_or_covered_and_never_both(
    covered: list[Window], moment: int
) -> None:
    holes = list(gaps(Window(at(0), at(20 * 86_400)), covered))
    assert is_covered(at(moment), holes) != is_covered(at(moment), covered)


@given(windows_in(40), SIZES)
def test_slices_make_up_the_gaps_exactly(covered: list[Window], days: int) -> None:
    whole = Window(at(0), at(40 * 86_400))
    found = list(missing(whole, covered, days, START))
    assert list(gaps(whole, [*covered, *found])) == []
    assert sum((w.length for w in found), timedelta()) == sum(
        (w.length for w in gaps(whole, covered)), timedelta()
    )
    assert all(w.length <= timedelta(days=days) for w in found)


@given(SIZES, SIZES, st.integers(1, 100))
def test_slices_of_two_sizes_nest(small: int, large: int, days: int) -> None:
    whole = Window(START, START + timedelta(days=days))
    small, large = sorted((small, large))
    outer = list(cut(whole, large, START))
    for piece in cut(whole, small, START):
        assert sum(o.start <= piece.start and piece.end <= o.end for o in outer) == 1


@given(st.data(), st.integers(1, 60))
def test_any_order_of_kills_ends_in_exact_coverage_and_no_seal_passes_a_hole(
    data: st.DataObject, days: int
) -> None:
    whole = Window(START, START + timedelta(days=days))
    ledger: dict[Window, Entry] = {}
    for _ in range(data.draw(st.integers(0, 30))):
        todo = list(missing(whole, ledger, data.draw(SIZES), START))
        if not todo:
            break
        piece = data.draw(st.sampled_from(todo))  # several workers take them in any order
        fate = data.draw(st.sampled_from(["killed", "cut short", "done", "done twice"]))
        end = piece.end
        if fate == "cut short":
            end -= timedelta(seconds=data.draw(st.integers(1, 86_399)))
        if fate != "killed" and end > piece.start:
            done = Window(piece.start, end)
            ledger[done] = entry(done, {"igrp": 12})
        value = sealed(whole, sorted(ledger.items(), key=lambda pair: pair[0]))
        hole = next(gaps(whole, ledger), None)
        assert value is None or hole is None or value <= hole.start
    for piece in missing(whole, list(ledger), 8, START):  # the loop that goes on until none is left
        ledger[piece] = entry(piece, {"igrp": 12})
    assert list(missing(whole, ledger, 1, START)) == []
    assert sealed(whole, list(ledger.items())) == whole.end


def test_partitions_seal_apart_and_one_that_came_late_is_not_sealed() -> None:
    whole = Window(at(0), at(3 * 86_400))
    first, second, third = cut(whole, 1, START)
    found = [
        (first, entry(first, {"site_id": 1}, {"site_id": 2})),
        (second, entry(second, {"site_id": 1}, {"site_id": 3})),
        (third, entry(third, {"site_id": 2})),
    ]
    state = seal(whole, [(Track("tap-callgear", "ct_summary", "north"), found)])
    parts = state["singer_state"]["bookmarks"]["ct_summary"]["partitions"]
    marks = {p["context"]["site_id"]: p["replication_key_value"] for p in parts}
    assert marks == {1: instant_text(second.end), 2: instant_text(first.end)}


def test_a_watermark_short_of_its_slice_is_what_seals() -> None:
    whole = Window(at(0), at(86_400))
    short = Entry(**{
        **{name: getattr(entry(whole, None), name) for name in Entry.__struct_fields__},
        "reaches": [Reach(None, instant_text(at(3600)))],
    })  # fmt: skip
    state = seal(whole, [(Track("tap-callgear", "calls", "north"), [(whole, short)])])
    assert state["singer_state"]["bookmarks"]["calls"] == {
        "replication_key": "triggerDatetime", "replication_key_value": instant_text(at(3600)),
    }  # fmt: skip


def test_nothing_is_sealed_before_the_first_slice_is_done() -> None:
    whole = Window(at(0), at(2 * 86_400))
    _, second = cut(whole, 1, START)
    assert sealed(whole, [(second, entry(second, {"igrp": 12}))]) is None
    assert reached(whole, [second]) == whole.start


@pytest.mark.parametrize(
    ("seconds", "days"),
    [
        (605.0, 8),  # as wanted
        (2405.0, 2),  # four times too long
        (155.0, 32),  # four times too short
        (1.0, 32),  # all of it went into starting: never more than four times the last
        (99_999.0, 1),
    ],
)
def test_sizes_follow_what_slices_took(seconds: float, days: int) -> None:
    done = [(Window(at(0), at(8 * 86_400)), seconds)]
    assert next_days(done, 3, 600, 1024) == days
    assert next_days(done, 3, 600, 4) == min(days, 4)


def test_the_first_size_is_the_jobs() -> None:
    assert next_days([], 9, 600, 1024) == 8
