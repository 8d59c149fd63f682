"""Runs the tap in this process against an imitated Dixa over real sockets."""

from __future__ import annotations

import copy
import io
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from contact_sandbox import Server
from contact_sandbox.dixa.api import DixaVendor
from tap_dixa.tap import TapDixa
from tap_shared.errors import TapError

Key = tuple[Any, ...]
Record = dict[str, Any]


class Ear(logging.Handler):
    """Hears what the tap says."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append((record.levelname, record.getMessage()))


@dataclass
class Run:
    """What one run did."""

    records: defaultdict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    schemas: dict[str, Any] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)
    error: TapError | None = None
    heard: list[tuple[str, str]] = field(default_factory=list)

    def said(self, level: str) -> str:
        return "\n".join(text for name, text in self.heard if name == level)

    def by_key(self, stream: str) -> dict[Key, Record]:
        keys = self.schemas[stream]["key_properties"]
        found = {tuple(row[key] for key in keys): row for row in self.records[stream]}
        assert len(found) == len(self.records[stream]), f"a key of {stream} came twice"
        return found

    @property
    def state(self) -> dict[str, Any]:
        return self.states[-1]

    def take(self, line: str) -> None:
        message = json.loads(line)
        if message["type"] == "RECORD":
            self.records[message["stream"]].append(message["record"])
        elif message["type"] == "SCHEMA":
            self.schemas[message["stream"]] = message
        elif message["type"] == "STATE":
            self.states.append(message["value"])


class Bench:
    """One imitated organisation and the tap's settings for it."""

    def __init__(self, vendor: DixaVendor, server: Server) -> None:
        self.vendor = vendor
        self.server = server
        self.config = vendor.settings(server.url("dixa"))

    def paths(self, method: str, path: str) -> list[Any]:
        """Give the logged requests of one kind."""
        log = self.server.log.entries
        return [e for e in log if e.method == method and e.path.rstrip("/") == path]

    def discover(self, **config: Any) -> tuple[dict[str, Any], Run]:
        done = Run()
        with listening(done):
            tap = TapDixa(
                config={**self.config, **config}, validate_config=False, setup_mapper=False
            )
            with redirect_stdout(io.StringIO()):
                catalog = json.loads(tap.run_discovery())
        return catalog, done

    def catalog(self, *streams: str, **config: Any) -> dict[str, Any]:
        """Discover and select just these streams; all of them without a name."""
        found, _ = self.discover(**config)
        for entry in found["streams"]:
            chosen = not streams or entry["tap_stream_id"] in streams
            for each in entry["metadata"]:
                if not each["breadcrumb"]:
                    each["metadata"]["selected"] = chosen
        return found

    def run(self, *streams: str, state: Mapping[str, Any] | None = None, **config: Any) -> Run:
        """Discover, then read these streams, or all."""
        return self.sync(self.catalog(*streams), state=state, **config)

    def sync(
        self,
        catalog: dict[str, Any] | None,
        *,
        state: Mapping[str, Any] | None = None,
        meanwhile: Callable[[], object] | None = None,
        **config: Any,
    ) -> Run:
        done, out = Run(), io.StringIO()
        with listening(done), redirect_stdout(out):
            try:
                tap = TapDixa(
                    config={**self.config, **config},
                    catalog=copy.deepcopy(catalog),
                    state=copy.deepcopy(dict(state or {})),
                    validate_config=False,
                )
                if meanwhile is not None:
                    meanwhile()
                tap.sync_all()
            except TapError as err:
                done.error = err
        for line in filter(None, out.getvalue().split("\n")):
            done.take(line)
        return done


@contextmanager
def listening(run: Run) -> Iterator[None]:
    ear, logger = Ear(), logging.getLogger("tap-dixa")
    logger.addHandler(ear)
    try:
        yield
    finally:
        logger.removeHandler(ear)
        run.heard += ear.heard


@contextmanager
def serve(**options: Any) -> Iterator[Bench]:
    vendor = DixaVendor(**{"days": 12, "conversations": 150, "feedback": 40, **options})
    with Server([vendor]) as server:
        yield Bench(vendor, server)


def identity(record: Record) -> tuple[Any, str]:
    """Give what the imitation tells a record row apart by, but for the ordinal."""
    extra = record.get("_extra") or {}
    found = record.get("csid") or extra.get("csid") or record.get("conversation_id")
    if found is None:
        found = extra.get("feedback_uuid")
    if found is None:
        found = f"{record['agent_id']}|{record['status']}"
    return found, record["primary_timestamp"]
