"""A MotionCX tenant of the sandbox and the tap that reads it, in this process or in its own."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contact_sandbox import Faults, Reply, Request, Server
from contact_sandbox.interactions.api import Interactions
from tap_interactions.tap import TapInteractions
from tap_shared.errors import TapError
from tests.contract.forked import Process

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
FEW: dict[str, Any] = {
    "interactions": 60, "burst": 0, "messages": 20, "events": 30, "agents": 8, "tickets": 12,
    "days": 4,
}  # fmt: skip
DETAILS = "/reporting/api/v1/interaction/details"
_SURROGATE = re.compile("[\ud800-\udfff]")

Row = dict[str, Any]


@dataclass
class Run:
    """What one run of the tap wrote, and how it ended."""

    messages: list[Row]
    error: TapError | None = None
    code: int = 0
    log: str = ""

    def rows(self, stream: str = "interactions") -> list[Row]:
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]

    def by_key(self, stream: str, keys: Sequence[str] = ("_id",)) -> dict[tuple[Any, ...], Row]:
        return {tuple(row[key] for key in keys): row for row in self.rows(stream)}

    @property
    def states(self) -> list[Row]:
        return [m["value"] for m in self.messages if m["type"] == "STATE"]

    @property
    def state(self) -> Row:
        return self.states[-1]


def bookmark(state: Mapping[str, Any], stream: str = "interactions") -> str:
    value: str = state["bookmarks"][stream]["replication_key_value"]
    return value


@dataclass
class Tenant:
    """An imitated tenant that is being served."""

    vendor: Interactions
    server: Server

    def config(self, **settings: Any) -> Row:
        given = {**self.vendor.settings(self.server.url("interactions")), **settings}
        return {name: value for name, value in given.items() if value is not None}

    def run(
        self,
        *streams: str,
        at: datetime = NOW,
        state: Row | None = None,
        columns: Sequence[str] | None = None,
        **settings: Any,
    ) -> Run:
        """Run the tap in this process as if it had started at `at`."""
        config = self.config(**settings)
        catalog = choose(config, streams or ("interactions",), columns)
        out, error = io.StringIO(), None
        with contextlib.redirect_stdout(out):
            tap = TapInteractions(
                config=config, catalog=catalog, state=state or {}, validate_config=False
            )
            tap.run_start = at
            try:
                tap.sync_all()
            except TapError as err:
                error = err
        return Run(_messages(out.getvalue()), error)

    def execute(self, folder: Path, *streams: str, **settings: Any) -> Run:
        """Run the executable."""
        config = self.config(**{"end_date": "2026-11-21", **settings})
        paths = {"config": config, "catalog": choose(config, streams or ("interactions",))}
        arguments = ["-m", "tap_interactions"]
        for name, content in paths.items():
            (folder / name).write_text(json.dumps(content))
            arguments += [f"--{name}", str(folder / name)]
        with Process("tap_interactions.tap", arguments) as process:
            out, err = process.communicate(timeout=60)
        return Run(_messages(out.decode()), None, process.wait(), err.decode())

    def twist(self, path: str, change: Callable[[Any], Any]) -> None:
        """Let the answers to a path come otherwise: `change` is given their content.

        It returns the new content, or a whole reply.
        """
        plain = self.vendor.handle

        def handle(request: Request) -> Reply:
            reply = plain(request)
            if request.path != path or reply.status >= 400:
                return reply
            changed = change(reply.body)
            return changed if isinstance(changed, Reply) else Reply(200, changed, reply.headers)

        self.vendor.handle = handle  # type: ignore[method-assign]

    def bodies(self, path: str = DETAILS) -> list[Row]:
        """Give the bodies of the requests to a path."""
        return [json.loads(each.body) for each in self.server.log.entries if each.path == path]


def _messages(text: str) -> list[Row]:
    return [json.loads(line) for line in text.split("\n") if line]


@contextlib.contextmanager
def serving(
    *, faults: Faults | None = None, now: datetime = NOW, **options: Any
) -> Iterator[Tenant]:
    vendor = Interactions(now=now, **{**FEW, **options})
    with Server([vendor], faults=faults or Faults()) as server:
        yield Tenant(vendor, server)


def choose(config: Row, streams: Sequence[str], columns: Sequence[str] | None = None) -> Row:
    """Give a catalog in which only these streams, and of them only these columns, are selected."""
    catalog: Row = TapInteractions(config=config, validate_config=False).catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in streams
            elif columns is not None:
                entry["metadata"]["selected"] = entry["breadcrumb"][-1] in columns
    return catalog


def type_of(stream: str) -> Any:
    types: Sequence[Any] = TapInteractions.stream_types
    return next(each for each in types if each.name == stream)


def keys_of(stream: str) -> tuple[str, ...]:
    return tuple(type_of(stream).primary_keys)


def schema_of(stream: str) -> Row:
    schema: Row = type_of(stream).schemas.get_schema(stream)
    return schema


def is_same(node: Mapping[str, Any], wire: Any, got: Any) -> bool:
    """Tell whether a record holds a value that the vendor sent, shaped as its schema says."""
    if wire is None or got is None:
        return wire is got
    if node.get("format") == "date-time":
        moment = datetime.fromisoformat(wire)
        sent = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return len(got) == 27 and datetime.fromisoformat(got) == sent
    if isinstance(wire, dict):
        members = node.get("properties", {})
        return wire.keys() == got.keys() and all(
            is_same(members.get(name, {}), wire[name], got[name]) for name in wire
        )
    if isinstance(wire, list):
        items = node.get("items", {})
        return len(wire) == len(got) and all(
            is_same(items, each, other) for each, other in zip(wire, got, strict=True)
        )
    if isinstance(wire, str) and "integer" in node.get("type", ()):
        return bool(int(wire) == got)
    return bool((_SURROGATE.sub("\ufffd", wire) if isinstance(wire, str) else wire) == got)


def differing(stream: str, wire: Row, got: Row) -> list[str]:
    """Name the vendor's fields that a record does not hold; undeclared ones are in `_extra`."""
    properties = schema_of(stream)["properties"]
    return [
        name
        for name, value in wire.items()
        if not (
            is_same(properties[name], value, got.get(name))
            if name in properties
            else is_same({}, value, (got.get("_extra") or {}).get(name))
        )
    ]
