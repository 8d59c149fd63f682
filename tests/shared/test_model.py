"""State, windows, lookback, paging and read-ahead against a model without any cleverness.

The model is a dictionary: every row that the source ever had. A loader upserts what reaches it and
commits at each STATE. Whatever happens in between (rows that come late, rewritten rows, rows on the
edges of windows, pages that repeat rows or shift while they are read, pages that fail, a process
that is stopped or dies between any two lines or requests, older states), after one whole run the
loader's table is the dictionary. `Reference` says what a single run must do.
"""

from __future__ import annotations

import copy
import logging
import signal
import threading
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tap_shared.errors import RunFailed, Terminated
from tap_shared.instants import instant_text, parse_instant
from tap_shared.prefetch import ReadAhead
from tap_shared.settings import duration
from tests.shared.flaws import FLAWS
from tests.shared.reference import LOOKBACK, Reference, Row
from tests.shared.toy import LAG, SITES, START, Loader, run
from tests.shared.toy_source import PAGINGS, Died, Key, Source

# Often on the edge of a window, or on a run's upper bound.
MINUTES = st.one_of(st.just(3), st.integers(0, 29)).map(lambda minutes: timedelta(minutes=minutes))
BACKLOG = st.one_of(st.sampled_from([7, 14, 20, 40, 57]), st.integers(0, 59))
SECONDS = st.sampled_from([0, 0, 0, 59]).map(lambda seconds: timedelta(seconds=seconds))
SITE = st.sampled_from(SITES)
VENDOR = st.fixed_dictionaries(
    {
        "is_closed": st.booleans(),
        "repeats": st.booleans(), "shifts": st.sampled_from([0, 2, 3]),
        "most": st.sampled_from([0, 0, 4]), "cap": st.sampled_from([2, 100]),
        "is_led": st.booleans(),
    }
)  # fmt: skip
GIVEN = st.fixed_dictionaries(
    {
        "window": st.sampled_from(["7m", "20m", "1h", "2h"]), "page_size": st.integers(1, 4),
        "max_concurrency": st.integers(1, 4),
    }
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def untouched_process() -> Iterator[None]:
    """Put back what a tap in this process changes."""
    handlers = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    factory, disabled = logging.getLogRecordFactory(), logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(disabled)
    logging.setLogRecordFactory(factory)
    for name, handler in handlers.items():
        signal.signal(name, handler)


def test_a_signal_that_hits_a_lock_still_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def head(_: ReadAhead) -> None:
        lock = threading.Lock()
        with lock:
            lock.release()  # as a wait does, until it takes the lock back
            raise Terminated(signal.SIGTERM)

    monkeypatch.setattr(ReadAhead, "_head", head)
    with pytest.raises(Terminated):
        run(Source(), START + timedelta(hours=1), None, Loader(), {})


class Syncs(RuleBasedStateMachine):
    """A source that lives, and runs of the tap that go well or do not."""

    paging = "total"

    @initialize(
        vendor=VENDOR, given=GIVEN,
        backlog=st.lists(st.tuples(BACKLOG, SECONDS, SITE), min_size=10, max_size=20),
    )  # fmt: skip
    def begin(self, vendor: Any, given: Any, backlog: Any) -> None:
        self.source = Source()
        vars(self.source).update(vendor, paging=self.paging)
        self.now = START + timedelta(hours=1)
        self.committed: dict[Key, Row] = {}
        self.states: list[Any] = [None]
        self.given: dict[str, Any] = given
        for minutes, seconds, site in backlog:
            self.source.add(site, START + timedelta(minutes=minutes) + seconds)

    # The source

    @rule(minutes=MINUTES, seconds=SECONDS, site=SITE, count=st.integers(1, 4))
    def rows_arrive(self, minutes: timedelta, seconds: timedelta, site: str, count: int) -> None:
        """Late by less than the lookback; several in one instant."""
        for _ in range(count):
            self.source.add(site, max(START, self.now - minutes - seconds))

    @rule(data=st.data())
    def rows_are_rewritten(self, data: st.DataObject) -> None:
        recent = [key for key, (at, _) in self.source.rows.items() if at > self.now - LOOKBACK]
        for key in data.draw(st.sets(st.sampled_from(sorted(recent)))) if recent else ():
            at, version = self.source.rows[key]
            self.source.rows[key] = at, version + 1

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    # The runs

    @rule()
    def a_whole_run(self) -> None:
        self.sync(self.states[-1])
        self.check_tables()

    @rule(back=st.integers(2, 6))
    def a_whole_run_with_an_older_state(self, back: int) -> None:
        self.sync(self.states[-min(back, len(self.states))])
        self.check_tables()

    @rule(site=SITE, is_lost=st.booleans())
    def a_whole_run_with_a_state_of_others(self, site: str, *, is_lost: bool) -> None:
        """It lacks a site, or has it under another replication key; the SDK left things in it."""
        state = copy.deepcopy(self.states[-1]) or {"bookmarks": {}}
        parts = state["bookmarks"].get("rows", {}).get("partitions", [])
        later = {"replication_key": "at", "replication_key_value": instant_text(self.now)}
        for part in [*parts]:
            part.update(progress_markers=later, replication_key_signpost=instant_text(self.now))
            if part["context"] == {"site": site} and is_lost:
                parts.remove(part)
            elif part["context"] == {"site": site}:
                part.update(later, replication_key="updated_at")
        self.sync(state)
        self.check_tables()

    @rule(minutes=st.integers(1, 100))
    def a_whole_run_to_an_end_date(self, minutes: int) -> None:
        end = max(START + timedelta(minutes=1), self.now - timedelta(minutes=minutes))
        self.sync(self.states[-1], end_date=instant_text(end))

    @rule(line=st.integers(1, 25))
    def a_run_dies_at_a_line(self, line: int) -> None:
        self.sync(self.states[-1], Loader(dies_after=line))

    @rule(line=st.integers(1, 25))
    def a_run_is_stopped_at_a_line(self, line: int) -> None:
        self.sync(self.states[-1], Loader(stops_at=line))

    @rule(request=st.integers(1, 20))
    def a_run_dies_at_a_request(self, request: int) -> None:
        self.source.dies_at = request
        self.sync(self.states[-1])

    @rule(request=st.integers(1, 20))
    def a_run_is_stopped_at_a_request(self, request: int) -> None:
        self.source.stops_at = request
        self.sync(self.states[-1])

    @rule(request=st.integers(1, 12))
    def a_page_fails(self, request: int) -> None:
        self.source.fails_at = request
        self.sync(self.states[-1])

    @rule(request=st.integers(1, 8), minutes=MINUTES, site=SITE)
    def a_row_arrives_during_a_run(self, request: int, minutes: timedelta, site: str) -> None:
        if self.source.paging == "numbered":
            return  # what moves behind the last page that was known is only found by a count
        self.source.arriving = {request: (site, max(START, self.now - minutes))}
        self.sync(self.states[-1])
        self.check_tables()

    def sync(self, state: Any, loader: Loader | None = None, **given: Any) -> None:
        """Run the tap, compare with the reference, and take in what the loader had committed."""
        loader, source, given = loader or Loader(), self.source, self.given | given
        end = min(self.now - LAG, parse_instant(given.get("end_date", "9999-01-01")))
        window = duration("window", given["window"])
        self.last = this = Reference(copy.deepcopy(state), source.rows, end, window)
        source.on_death = loader.die
        whole: set[str] = set()
        try:
            run(source, self.now, copy.deepcopy(state), loader, given)
            whole = {*SITES}
        except RunFailed:
            assert source.failed
            whole = {*SITES} - {source.failed[0]}
        except Died:
            pass
        except Terminated:
            this.is_stopped = True
        this.take(loader.lines)
        this.check_whole(whole, source)
        source.begin()
        self.committed |= this.committed
        self.states += this.states

    def check_tables(self) -> None:
        """The tables are the source, up to the run's upper bound."""
        wanted = {key: row for key, row in self.last.rows.items() if row[0] < self.last.end}
        assert {key: self.committed.get(key) for key in wanted} == wanted

    @invariant()
    def nothing_was_invented(self) -> None:
        for key in self.committed if hasattr(self, "committed") else ():
            assert key in self.source.rows

    def teardown(self) -> None:
        if hasattr(self, "states"):
            self.sync(self.states[-1])
            self.check_tables()


BUDGET = settings(
    max_examples=20, stateful_step_count=15, deadline=None, derandomize=True, database=None,
    report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
)  # fmt: skip


def play(pagings: Iterable[str], *phases: Phase) -> None:
    """Run the machine with sources that page in these ways."""
    for paging in pagings:
        machine = type("Syncs", (Syncs,), {"paging": paging})
        run_state_machine_as_test(machine, settings=settings(BUDGET, phases=phases))


@pytest.mark.parametrize("paging", PAGINGS)
def test_what_arrives_is_what_the_model_says(paging: str) -> None:
    play([paging], *Phase)


@pytest.mark.parametrize("flaw", FLAWS)
def test_it_finds_what_is_wrong(flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine does not pass where the code is wrong."""
    build, pagings = FLAWS[flaw]
    build(monkeypatch)
    with pytest.raises((AssertionError, Flaky)):  # threads do not run alike a second time
        play(pagings, Phase.generate)
