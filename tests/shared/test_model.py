"""State, windows, lookback and read-ahead against a model without any cleverness.

The model is a dictionary: every row that the source ever had. A loader upserts what reaches it and
commits at each STATE. Whatever happens in between (rows that come late, rewritten rows, pages that
fail, a process that dies between any two lines or requests, older states), after one whole run the
loader's table is the dictionary.
"""

from __future__ import annotations

import copy
import json
import logging
import signal
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tap_shared.errors import RunFailed, Terminated
from tap_shared.instants import instant_text, parse_instant
from tap_shared.prefetch import ReadAhead
from tests.shared.toy import LAG, SITES, START, Died, Key, Loader, Source, run

LOOKBACK = timedelta(minutes=30)
MINUTES = st.integers(0, 29).map(lambda minutes: timedelta(minutes=minutes))
SECONDS = st.integers(0, 59).map(lambda seconds: timedelta(seconds=seconds))


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


def marks(state: Any) -> dict[str, datetime]:
    parts = (state or {}).get("bookmarks", {}).get("rows", {}).get("partitions", [])
    return {
        part["context"]["site"]: parse_instant(part["replication_key_value"])
        for part in parts
        if "replication_key_value" in part
    }


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

    @initialize(
        window=st.sampled_from(["7m", "20m", "2h"]),
        size=st.integers(1, 5),
        width=st.integers(1, 4),
    )
    def begin(self, window: str, size: int, width: int) -> None:
        self.source = Source()
        self.now = START + timedelta(hours=1)
        self.ident = 0
        self.committed: dict[Key, tuple[datetime, int]] = {}
        self.states: list[Any] = [None]
        self.given = {"window": window, "page_size": size, "max_concurrency": width}

    # The source

    @rule(minutes=MINUTES, seconds=SECONDS, site=st.sampled_from(SITES), count=st.integers(1, 4))
    def rows_arrive(self, minutes: timedelta, seconds: timedelta, site: str, count: int) -> None:
        """Late by less than the lookback; several in one instant."""
        for _ in range(count):
            self.ident += 1
            self.source.rows[site, self.ident] = (max(START, self.now - minutes - seconds), 0)

    @rule(data=st.data())
    def a_row_is_rewritten(self, data: st.DataObject) -> None:
        recent = [key for key, (at, _) in self.source.rows.items() if at > self.now - LOOKBACK]
        if recent:
            key = data.draw(st.sampled_from(sorted(recent)))
            at, version = self.source.rows[key]
            self.source.rows[key] = at, version + 1

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    # The runs

    @rule()
    def a_whole_run(self) -> None:
        self.sync(self.states[-1])
        self.check_whole()

    @rule(back=st.integers(2, 6))
    def a_whole_run_with_an_older_state(self, back: int) -> None:
        self.sync(self.states[-min(back, len(self.states))])
        self.check_whole()

    @rule(after=st.integers(1, 12))
    def a_run_dies_at_a_line(self, after: int) -> None:
        self.sync(self.states[-1], dies_after=after)

    @rule(request=st.integers(1, 12))
    def a_run_dies_at_a_request(self, request: int) -> None:
        self.source.dies_at = request
        self.sync(self.states[-1])

    @rule(request=st.integers(1, 12))
    def a_page_fails(self, request: int) -> None:
        self.source.fails_at = request
        self.sync(self.states[-1])

    @rule(request=st.integers(1, 8), minutes=MINUTES, site=st.sampled_from(SITES))
    def a_row_arrives_during_a_run(self, request: int, minutes: timedelta, site: str) -> None:
        self.ident += 1
        at = max(START, self.now - minutes)
        before = dict(self.source.rows)
        self.source.arriving = {request: ((site, self.ident), at)}
        self.sync(self.states[-1])
        self.check_whole(before)

    def sync(self, state: Any, dies_after: int | None = None) -> None:
        """Run the tap, and take in what its loader had committed when it ended."""
        loader, source = Loader(dies_after), self.source
        source.requests, source.on_death = 0, loader.die
        is_alive = True
        try:
            run(source, self.now, copy.deepcopy(state), loader, self.given)
        except Died:
            is_alive = False
        except RunFailed:
            assert source.fails_at
        source.fails_at = source.dies_at = 0
        source.arriving = {}
        self.take(loader.lines, state, is_alive=is_alive)

    def take(self, lines: list[bytes], state: Any, *, is_alive: bool) -> None:
        pending: dict[Key, tuple[datetime, int]] = {}
        seen: set[Key] = set()
        before = marks(state)
        for line in lines:
            message = json.loads(line)
            if message["type"] == "RECORD":
                record = message["record"]
                key, at = (record["site"], record["id"]), parse_instant(record["at"])
                assert key not in seen, "a key twice in one run"
                seen.add(key)
                assert START <= at < self.now - LAG
                assert record["at"] == instant_text(at)
                pending[key] = at, record["version"]
            elif message["type"] == "STATE":
                found = marks(message["value"])
                for site, mark in before.items():
                    assert found[site] >= mark, "a watermark moved backwards"
                assert all(mark <= self.now for mark in found.values())
                before = found
                self.committed |= pending
                pending = {}
                self.states.append(message["value"])
        assert not pending or not is_alive, "records after the last state"

    def check_whole(self, rows: dict[Key, tuple[datetime, int]] | None = None) -> None:
        """The tables are the source, up to the run's upper bound."""
        end = self.now - LAG
        wanted = {
            key: row
            for key, row in (self.source.rows if rows is None else rows).items()
            if row[0] < end
        }
        assert {key: self.committed.get(key) for key in wanted} == wanted

    @invariant()
    def nothing_was_invented(self) -> None:
        for key in self.committed if hasattr(self, "committed") else ():
            assert key in self.source.rows

    def teardown(self) -> None:
        if hasattr(self, "states"):
            self.sync(self.states[-1])
            self.check_whole()


TestSyncs = Syncs.TestCase
TestSyncs.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
