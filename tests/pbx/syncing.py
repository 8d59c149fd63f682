"""Runs tap-pbx and target-pbx as their users do, against the imitated PBX over real sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from contact_sandbox import Faults, Server
from contact_sandbox.pbx.api import KEY, PbxVendor
from tap_pbx.tap import TapPBX
from tap_shared.conform import Conformer
from tap_shared.writer import storable
from tests.contract.forked import Process

Row = dict[str, Any]
Key = tuple[Any, ...]
Seen = Callable[[Process], object]
SMALL = {"days": 6, "calls": 120, "busy_day": 0}
FORMS_OF_KEY = (KEY, quote(KEY), quote(KEY, safe=""), quote_plus(KEY))
TAP = ("tap_pbx.tap", "-m", "tap_pbx")
TARGET = ("tap_pbx.target", "-c", "from tap_pbx.target import TargetPBX; TargetPBX.cli()")
STREAMS = {stream.name: stream for stream in TapPBX.stream_types}


@dataclass
class Run:
    """What a run printed and how it ended."""

    code: int
    out: str
    err: str

    @cached_property
    def messages(self) -> list[Row]:
        return [json.loads(line) for line in self.out.split("\n") if line]

    def rows(self, stream: str) -> list[Row]:
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]

    def records(self, stream: str) -> dict[Key, Row]:
        """Give the stream's records by key; the last one of a key counts, as in a warehouse."""
        keys = STREAMS[stream].primary_keys
        return {tuple(row[key] for key in keys): row for row in self.rows(stream)}

    @property
    def state(self) -> Row:
        states: list[Row] = [m["value"] for m in self.messages if m["type"] == "STATE"]
        return states[-1] if states else {}

    def bookmarks(self, stream: str) -> dict[str, str]:
        """Give the stream's watermarks by tenant."""
        parts = self.state.get("bookmarks", {}).get(stream, {}).get("partitions", [])
        return {
            part["context"]["tenant_id"]: part["replication_key_value"]
            for part in parts
            if "replication_key_value" in part
        }

    def assert_hides_the_key(self) -> None:
        for form in FORMS_OF_KEY:
            assert form not in self.out
            assert form not in self.err


class Pbx:
    """An imitated PBX that is being served."""

    def __init__(self, vendor: PbxVendor, server: Server, folder: Path) -> None:
        self.vendor = vendor
        self.server = server
        self.folder = folder
        self.settings = vendor.settings(server.url("pbx"))

    def sync(
        self, *streams: str, state: Row | None = None, level: str = "INFO", **settings: Any
    ) -> Run:
        """Run the tap for some streams."""
        arguments = ["--config", self._file("config", {**self.settings, **settings})]
        arguments += ["--catalog", self._file("catalog", catalog(streams))]
        if state is not None:
            arguments += ["--state", self._file("state", state)]
        return start(TAP, arguments, level=level)

    def load(self, lines: Sequence[Row], *, seen: Seen = id, **settings: Any) -> Run:
        """Run the target on Singer messages."""
        own = ("api_url", "api_key", "container_id")
        config = {name: self.settings[name] for name in own}
        arguments = ["--config", self._file("target", {**config, **settings})]
        text = "\n".join(json.dumps(line) for line in lines) + "\n"
        return start(TARGET, arguments, text, seen=seen)

    def expected(self, stream: str) -> dict[Key, Row]:
        """Give what the stream must hold, the values in their declared types."""
        schema = STREAMS[stream].schemas.get_schema(stream)
        shape = Conformer(schema, keys=())
        return {
            key: storable(shape.record(row)) for key, row in self.vendor.expected(stream).items()
        }

    def paths(self) -> list[str]:
        return [entry.path for entry in self.server.log.entries]

    def _file(self, name: str, content: Any) -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)


@cache
def discovered() -> str:
    return start(TAP, ["--discover"]).out


def catalog(streams: Sequence[str]) -> Row:
    found: Row = json.loads(discovered())
    for entry in found["streams"]:
        root = next(item for item in entry["metadata"] if not item["breadcrumb"])
        root["metadata"]["selected"] = entry["tap_stream_id"] in streams
    return found


def start(
    program: tuple[str, ...],
    arguments: Sequence[str],
    text: str = "",
    *,
    level: str = "INFO",
    seen: Seen = id,
) -> Run:
    """Run a program to its end; `seen` is shown the process as soon as it runs."""
    imported, *command = program
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LOGLEVEL": level}
    with Process(
        imported, [*command, *arguments], stdin=subprocess.PIPE, env=environment
    ) as process:
        seen(process)
        out, err = process.communicate(text.encode(), timeout=120)
    return Run(process.wait(), out.decode(), err.decode())


@contextmanager
def serving(folder: Path, faults: Faults | None = None, **options: Any) -> Iterator[Pbx]:
    """Serve a PBX, small unless options say otherwise."""
    vendor = PbxVendor(**{**SMALL, **options})
    with Server([vendor], faults=faults or Faults()) as server:
        yield Pbx(vendor, server, folder)
        assert not vendor.violations
        assert not server.errors


def agrees(record: Mapping[str, Any], row: Mapping[str, Any], left_out: Sequence[str] = ()) -> bool:
    """Tell whether a record holds a row's values, whatever columns the tap adds."""
    return all(record.get(name) == value for name, value in row.items() if name not in left_out)
