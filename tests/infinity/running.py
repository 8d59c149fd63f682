"""Runs the tap inside the test's process against an imitated Infinity on real sockets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contact_sandbox import Faults, Server
from contact_sandbox.infinity.api import InfinityVendor
from tap_infinity.tap import TapInfinity
from tap_shared.errors import TapError

__all__ = ["NOW", "Run", "Site", "run_against", "serve"]

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
Key = tuple[Any, ...]


@dataclass
class Run:
    """What one run left behind."""

    messages: list[dict[str, Any]]
    error: TapError | None = None
    said: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """The exit code that the command line would give."""
        return self.error.exit_code if self.error else 0

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Give the records of a stream in order."""
        return [
            m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream
        ]

    def keyed(self, stream: str) -> dict[Key, dict[str, Any]]:
        """Give the records of a stream by primary key, the last one of each."""
        schema = next(m for m in self.messages if m["type"] == "SCHEMA" and m["stream"] == stream)
        return {
            tuple(row[key] for key in schema["key_properties"]): row for row in self.records(stream)
        }

    @property
    def states(self) -> list[dict[str, Any]]:
        """The values of the STATE messages."""
        return [m["value"] for m in self.messages if m["type"] == "STATE"]

    @property
    def state(self) -> dict[str, Any]:
        """The last state."""
        return self.states[-1]

    def partition(self, stream: str, igrp: int) -> dict[str, Any]:
        """Give the last state of one installation."""
        parts = self.state["bookmarks"][stream]["partitions"]
        found: dict[str, Any] = next(p for p in parts if p["context"] == {"igrp": igrp})
        return found


class _Said(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@dataclass
class Site:
    """An imitated vendor that is being served, and the settings that reach it."""

    vendor: InfinityVendor
    server: Server

    def run(
        self,
        *streams: str,
        state: Mapping[str, Any] | None = None,
        without: Sequence[str] = (),
        **config: Any,
    ) -> Run:
        """Sync some streams.

        Args:
            streams: Their names.
            state: The state to resume from.
            without: Settings to leave out.
            config: Settings to add.
        """
        served = self.server.settings("infinity")
        settings = {k: v for k, v in {**served, **config}.items() if k not in without}
        run = run_against(settings, streams, state)
        assert not self.server.errors
        return run

    def requests(self, path: str) -> list[dict[str, list[str]]]:
        """Give the queries of the requests whose path ends so."""
        return [e.query for e in self.server.log.entries if e.path.endswith(path)]


def run_against(
    settings: Mapping[str, Any], streams: Sequence[str], state: Mapping[str, Any] | None = None
) -> Run:
    """Sync some streams with a whole config."""
    said = _Said()
    logging.getLogger("tap-infinity").addHandler(said)
    out = io.StringIO()
    error = None
    try:
        with redirect_stdout(out):
            _tap(dict(settings), streams, state).sync_all()
    except TapError as err:
        error = err
    finally:
        logging.getLogger("tap-infinity").removeHandler(said)
    return Run([json.loads(line) for line in out.getvalue().split("\n") if line], error, said.lines)


def _tap(
    settings: dict[str, Any], streams: Sequence[str], state: Mapping[str, Any] | None
) -> TapInfinity:
    bare = TapInfinity(config=settings, parse_env_config=False, validate_config=False)
    catalog = bare.catalog_dict
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = entry["tap_stream_id"] in streams
    return TapInfinity(
        config=settings,
        catalog=catalog,
        state=json.loads(json.dumps(state)) if state else None,
        parse_env_config=False,
        validate_config=False,
    )


@contextmanager
def serve(*, faults: Faults | None = None, **options: Any) -> Iterator[Site]:
    """Serve an imitated vendor whose present is `NOW`."""
    vendor = InfinityVendor(**{"seed": 1, "now": NOW, "days": 24, "calls": 120, **options})
    with Server([vendor], faults=faults) as server:
        yield Site(vendor, server)
