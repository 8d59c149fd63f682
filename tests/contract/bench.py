"""A tap, its imitated vendor on real sockets, and what the contract says about the two."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

from contact_sandbox import Reply, Request, Server, Vendor
from contact_sandbox.registry import vendor_class
from tests.contract.cases import CASES, Case
from tests.contract.interface import StreamFacts, facts
from tests.contract.runner import Run, Tap

__all__ = ["Bench", "Key", "Record", "serve"]

Record = Mapping[str, Any]
Key = tuple[Any, ...]


_DISCOVERED: dict[str, dict[str, Any]] = {}
_DYNAMIC = {"dixa"}
_LONGEST = 60.0


def recent() -> datetime:
    """Give a present that lies a little back and far from midnight: no day ends in a test."""
    return (datetime.now(UTC) - timedelta(hours=2)).replace(minute=30, second=0, microsecond=0)


@dataclass
class Bench:
    """A tap, its vendor on real sockets, and what the contract says about the two."""

    tap: Tap
    case: Case
    vendor: Vendor
    server: Server

    def at(self, server: Server) -> dict[str, Any]:
        """Give the settings of ordinary runs for another server of the same vendor."""
        here, there = (each.url(self.name) for each in (self.server, server))
        return {k: there if v == here else v for k, v in self.config.items()}

    @property
    def name(self) -> str:
        """The tap's name without `tap-`."""
        return self.tap.name

    @property
    def end(self) -> datetime:
        """The upper bound of ordinary runs: just after the vendor's present."""
        return self.vendor.now + timedelta(minutes=1)

    @property
    def open_config(self) -> dict[str, Any]:
        """Settings for all there is, without an upper bound."""
        served = self.server.settings(self.name)
        return {**served, "requests_per_minute": 0, **self.case.config}

    @property
    def config(self) -> dict[str, Any]:
        """Settings for all there is, up to the vendor's present."""
        return {**self.open_config, "end_date": self.end.isoformat()}

    @cached_property
    def discovered(self) -> dict[str, Any]:
        """The catalog that discovery gives with credentials; asked once where it never changes."""
        if self.name not in _DISCOVERED or self.name in _DYNAMIC:
            run = self.tap.run(self.config, "--discover")
            assert run.code == 0, run.stderr
            _DISCOVERED[self.name] = json.loads(b"\n".join(run.lines))
        return _DISCOVERED[self.name]

    @property
    def streams(self) -> list[str]:
        """Names of all streams that are offered."""
        return [entry["tap_stream_id"] for entry in self.discovered["streams"]]

    @property
    def incremental(self) -> list[str]:
        """Names of the streams that keep a watermark."""
        return [name for name in self.streams if self.facts(name).replication_key]

    def facts(self, stream: str) -> StreamFacts:
        """Give what the contract says of a stream."""
        return facts(self.name, stream)

    def catalog(self, *streams: str, without: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Select streams, all by default; `without` deselects one property of a stream."""
        catalog = copy.deepcopy(self.discovered)
        for entry in catalog["streams"]:
            name = entry["tap_stream_id"]
            for item in entry["metadata"]:
                if not item["breadcrumb"]:
                    item["metadata"]["selected"] = not streams or name in streams
                elif item["breadcrumb"][-1] == (without or {}).get(name):
                    item["metadata"]["selected"] = False
        return catalog

    def run(self, config: Mapping[str, Any] | None = None, **how: Any) -> Run:
        """Run all streams, unless told otherwise, and let no fault of the imitation pass."""
        how.setdefault("catalog", self.catalog())
        run = self.tap.run(self.config if config is None else config, **how)
        assert not self.server.errors, self.server.errors
        return run

    def identity(self, stream: str, record: Record) -> Key:
        """Give what tells a record from others."""
        keys = self.facts(stream).keys
        own = Case.of(self.case.identity, stream, None)
        return own(record) if own else tuple(record[key] for key in keys)

    def sign(self, stream: str, record: Record) -> Key:
        """Give what a record can be matched to the vendor's rows by, where its key is no help."""
        own = Case.of(self.case.signs, stream, None)
        return own[0](record) if own else self.identity(stream, record)

    def wire_signs(self, stream: str) -> list[Key]:
        """Give the same of every row that the vendor holds now."""
        own = Case.of(self.case.signs, stream, None)
        if own is None:
            return list(self.truth(stream))
        return [own[1](key) for key in self.vendor.expected(stream)]

    def truth(self, stream: str) -> dict[Key, Mapping[str, Any]]:
        """Give what the vendor holds now, by the identity of the records it must come out as."""
        own = Case.of(self.case.truth, stream, None)
        rows = self.vendor.expected(stream)
        return {own(key, row) if own else key: row for key, row in rows.items()}

    def by_identity(self, *runs: Run) -> dict[str, dict[Key, Record]]:
        """Give the records of runs by stream and identity; the last one wins."""
        found: dict[str, dict[Key, Record]] = {name: {} for name in self.streams}
        for run in runs:
            for message in run.messages:
                if message["type"] == "RECORD":
                    stream, record = message["stream"], message["record"]
                    kept = {k: v for k, v in record.items() if k not in self.case.volatile}
                    found[stream][self.identity(stream, record)] = kept
        return found

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Let every request take a while."""
        self.server.latency = seconds
        try:
            yield
        finally:
            self.server.latency = 0.0

    @contextmanager
    def stalled(self, after: int) -> Iterator[None]:
        """Answer so many requests, and let the others wait: a run cannot come to its end."""
        answer, coming, over = self.vendor.handle, count(), Event()

        def handle(request: Request) -> Reply:
            if next(coming) >= after:
                over.wait(_LONGEST)
            return answer(request)

        self.vendor.handle = handle  # type: ignore[method-assign]
        try:
            yield
        finally:
            over.set()
            self.vendor.handle = answer  # type: ignore[method-assign]


@contextmanager
def serve(name: str, folder: Path, **options: Any) -> Iterator[Bench]:
    """Serve the vendor of a tap.

    Args:
        name: The tap, without `tap-`.
        folder: Where the files of its runs are put.
        options: The vendor's options on top of the case's.
    """
    case = CASES[name]
    given = {"days": case.days, "now": recent(), **case.options, **options}
    vendor = vendor_class(name)(seed=11, **given)
    with Server([vendor]) as server:
        yield Bench(Tap(name, folder), case, vendor, server)
