"""What one run of the toy tap must do, without any cleverness."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tap_shared.instants import instant_text, parse_instant
from tests.shared.toy import SITES, START
from tests.shared.toy_source import Key, Source

__all__ = ["LOOKBACK", "Reference"]

LOOKBACK = timedelta(minutes=30)

Row = tuple[datetime, int]


@dataclass
class Reference:
    """One run: what it was given, and what came out of it.

    Args:
        state: The state that it begins with.
        rows: The source's rows when it begins.
        end: Its upper bound.
        window: The length of its windows.

    Attributes:
        emitted: Rows that came.
        committed: Rows that a state came after.
        states: The states that came.
        is_stopped: Whether a signal ended it.
    """

    state: Any
    rows: Mapping[Key, Row]
    end: datetime
    window: timedelta
    emitted: dict[Key, Row] = field(default_factory=dict)
    committed: dict[Key, Row] = field(default_factory=dict)
    states: list[Any] = field(default_factory=list)
    is_stopped: bool = False

    def __post_init__(self) -> None:
        """Read where each site stands."""
        self.rows, self.before = dict(self.rows), _marks(self.state)
        self.marks: dict[str, list[datetime]] = {site: [] for site in SITES}

    def start(self, site: str) -> datetime:
        """Give the first instant that is read of a site."""
        mark = self.before.get(site)
        return START if mark is None else max(START, mark - LOOKBACK)

    def take(self, lines: Iterable[bytes]) -> None:
        """Check line by line: each record is one that is wanted, once; no state runs ahead."""
        message: dict[str, Any] = {}
        for message in map(json.loads, lines):
            if message["type"] == "RECORD":
                self._record(message["record"])
            elif message["type"] == "STATE":
                self._state(message["value"])
        assert message.get("type") == "STATE" or not self.is_stopped, "stopped without a state"

    def _record(self, record: Mapping[str, Any]) -> None:
        key, at = (record["site"], record["id"]), parse_instant(record["at"])
        assert key not in self.emitted, "a key twice in one run"
        assert self.start(key[0]) <= at < self.end, "a row from outside of what is read"
        assert record["at"] == instant_text(at)
        self.emitted[key] = at, record["version"]

    def _state(self, state: Any) -> None:
        for site, mark in _marks(state).items():
            known = self.marks[site][-1] if self.marks[site] else self.before.get(site)
            assert known is None or mark >= known, "a watermark moved backwards"
            if mark == known:
                continue
            assert mark <= self.end, "a watermark past the run's upper bound"
            assert not self.missing(site, mark), "a watermark ahead of the records"
            self.marks[site].append(mark)
        self.committed |= self.emitted
        self.states.append(state)

    def missing(self, site: str, mark: datetime) -> list[Key]:
        """Give the rows of a site, up to an instant, that did not come, or came too old."""
        return [
            key
            for key, (at, version) in self.rows.items()
            if key[0] == site and self.start(site) <= at < min(mark, self.end)
            and self.emitted.get(key, (at, -1))[1] < version
        ]  # fmt: skip

    def check_whole(self, sites: Iterable[str], source: Source) -> None:
        """Check that sites were read to the end: each window once, and a state after each.

        The watermark of a site that failed stays before the window that did.
        """
        if source.failed:
            site, window = source.failed
            stays = max(window.start, self.before.get(site, window.start))
            assert all(mark <= stays for mark in self.marks[site]), "a watermark past a failure"
        for site in sites:
            assert not self.missing(site, self.end), "a row is lost"
            wanted = self._watermarks(site)
            assert self.marks[site] == wanted, "not a state after every window"
            asked = sorted(window for of, window in source.asked if of == site)
            edges = [self.start(site), *(window.end for window in asked)]
            assert all(a == w.start for a, w in zip(edges, asked, strict=False)), "a gap, or twice"
            assert edges[-1] == max(self.end, edges[0]), "not read to the end, or beyond"

    def _watermarks(self, site: str) -> list[datetime]:
        known = self.before.get(site)
        ends = [known, *(end for _, end in self._windows(site)), self.end]
        moved = [end for end in ends if end and (known is None or end > known)]
        return sorted(set(moved))

    def _windows(self, site: str) -> Iterator[tuple[datetime, datetime]]:
        edges = [self.start(site)]
        while edges[-1] < self.end:
            edges.append(min(edges[-1] + self.window, self.end))
        return pairwise(edges)


def _marks(state: Any) -> dict[str, datetime]:
    """Give the watermark of each site, where it has one under the stream's replication key."""
    parts = (state or {}).get("bookmarks", {}).get("rows", {}).get("partitions", [])
    return {
        part["context"]["site"]: parse_instant(part["replication_key_value"])
        for part in parts
        if part.get("replication_key") == "at"
    }
