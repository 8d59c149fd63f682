"""Reads the states of a run: watermarks, and what must have been emitted before each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.contract.bench import Bench, Key, Record
from tests.contract.runner import Run
from tests.contract.truth import INSTANT, moment

__all__ = ["Emitted", "check_shape", "watermarks"]

Partition = tuple[tuple[str, Any], ...]

_DAY = timedelta(days=2)
"""A pure date is over everywhere on earth two days after its midnight in UTC."""


def watermarks(state: Mapping[str, Any]) -> dict[tuple[str, Partition], str]:
    """Give the watermark of each stream and partition of a state."""
    found = {}
    for stream, entry in state.get("bookmarks", {}).items():
        for part in entry.get("partitions", [entry]):
            if "replication_key_value" in part:
                context = tuple(sorted(part.get("context", {}).items()))
                found[stream, context] = part["replication_key_value"]
    return found


def check_shape(bench: Bench, state: Mapping[str, Any]) -> None:
    """Check that a state has the contract's shape."""
    assert set(state) == {"bookmarks"}
    for stream, entry in state["bookmarks"].items():
        facts = bench.facts(stream)
        if not entry:
            continue
        if facts.context:
            assert set(entry) == {"partitions"}, stream
        for part in entry.get("partitions", [entry]):
            names = {"context"} if facts.context else set()
            assert {*names, "replication_key", "replication_key_value"} <= set(part), (stream, part)
            assert set(part.get("context", {})) == set(facts.context), stream
            assert facts.replication_key in {part["replication_key"], None}, stream
            assert INSTANT.fullmatch(part["replication_key_value"]), stream


class Emitted:
    """What runs have emitted, against all that there is: tells when a watermark runs ahead."""

    def __init__(self, bench: Bench, everything: Run) -> None:
        """Take the records of a complete run as all that there is."""
        self._bench = bench
        self._seen: set[tuple[str, Key]] = set()
        self._due: dict[tuple[str, Partition], list[tuple[datetime, Key]]] = {}
        for stream in bench.incremental:
            for record in everything.records(stream):
                at = self._over_at(stream, record)
                if at is not None:
                    place = stream, self._partition(stream, record)
                    self._due.setdefault(place, []).append((at, bench.identity(stream, record)))
        for rows in self._due.values():
            rows.sort(key=lambda row: row[0])

    def follow(self, run: Run, before: Mapping[str, Any] | None = None) -> None:
        """Go through a run's messages and check every state on the way.

        Args:
            run: The run.
            before: The state that it started from.
        """
        marks = dict(watermarks(before or {}))
        for message in run.messages:
            if message["type"] == "RECORD":
                stream, record = message["stream"], message["record"]
                self._seen.add((stream, self._bench.identity(stream, record)))
            elif message["type"] == "STATE":
                reached = watermarks(message["value"])
                for place, mark in reached.items():
                    assert mark >= marks.get(place, ""), f"{place} moved backwards"
                    if mark != marks.get(place):
                        late = next(self._missing(place, mark), None)
                        assert late is None, f"{place} at {mark} is ahead of {late}"
                assert not marks.keys() - reached.keys(), "a bookmark got lost"
                marks = reached

    def _missing(self, place: tuple[str, Partition], mark: str) -> Iterator[Key]:
        rows = self._due.get(place, [])
        count = bisect_left(rows, moment(mark), key=lambda row: row[0])
        return (key for _, key in rows[:count] if (place[0], key) not in self._seen)

    def _over_at(self, stream: str, record: Record) -> datetime | None:
        """Give the instant by which a record must have been emitted."""
        text = record[self._bench.facts(stream).replication_key or ""]
        if text is None:
            return None
        return moment(text) if "T" in text else moment(text) + _DAY

    def _partition(self, stream: str, record: Record) -> Partition:
        return tuple(sorted((name, record[name]) for name in self._bench.facts(stream).context))
