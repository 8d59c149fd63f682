"""Vendors that answer with anything, in the envelopes of the real ones."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.contract.runner import Tap
from tests.shared.raw_server import Answer, RawServer, reply
from tests.soak.running import Forked

__all__ = [
    "DIALECTS",
    "KEY",
    "LINES",
    "PLAIN",
    "WIRE",
    "Dialect",
    "Hostile",
    "Reader",
    "tap_of",
]

PLAIN = "sandbox-hostile-key/+="
KEY = PLAIN + "\u00e9"


@dataclass(frozen=True)
class Dialect:
    """How one vendor's list is asked for and answered.

    Attributes:
        stream: The stream that is read.
        settings: On top of `api_url` and the common ones.
        key: Name of the rows' key.
        row: A row, with room for an id and for further members.
        page: Gives a body for rows, and a cursor where more are to come.
        last: Pattern of requests that an honest vendor answers with no rows.
    """

    stream: str
    settings: Mapping[str, Any]
    key: str
    row: bytes
    page: Callable[[bytes, str], bytes]
    last: str = ""


def _rpc_page(rows: bytes, more: str) -> bytes:
    total = b"1000000000" if more else b"%d" % (rows.count(b'"id"'))
    return (
        b'{"jsonrpc":"2.0","id":1,"result":{"data":[' + rows
        + b'],"metadata":{"total_items":' + total + b"}}}"
    )  # fmt: skip


def _dixa_page(rows: bytes, more: str) -> bytes:
    following = b'"/v1/tags?pageKey=%s"' % more.encode() if more else b"null"
    return b'{"data":[' + rows + b'],"meta":{"next":' + following + b"}}"


def _counted_page(rows: bytes, more: str) -> bytes:
    total = b"1000000000" if more else b"%d" % rows.count(b'"callUuid"')
    counts = b'"maxResultSize":%b,"maxPages":%b' % (total, total)
    return b"{" + counts + b',"data":[' + rows + b"]}"


def _result_page(rows: bytes, _: str) -> bytes:
    return b'{"resultCode":0,"data":[' + rows + b"]}"


def _item_page(rows: bytes, _: str) -> bytes:
    return b'{"totalCount":1,"items":[' + rows + b"]}"


_ALL = {"window": "400d"}

DIALECTS: Mapping[str, Dialect] = {
    "callgear": Dialect(
        "tags", {"access_token": KEY, "timezone": "UTC"}, "id",
        b'{"id":%d,"name":"t"%b}', _rpc_page),
    "dixa": Dialect(
        "tags", {"api_token": KEY, "static_catalogue": True}, "id",
        b'{"id":"id-%d","name":"t"%b}', _dixa_page),
    "infinity": Dialect(
        "goal_triggers", {"api_key": KEY, "igrp_ids": [1], **_ALL}, "rowId",
        b'{"rowId":%d,"triggerDatetime":"2026-11-21 10:00:00"%b}\n', lambda rows, _: rows or b"\n",
        last="rowId-gt"),
    "infinity list": Dialect(
        "goals", {"api_key": KEY, "igrp_ids": [1]}, "goalId",
        b'{"goalId":%d,"goalName":"t"%b}\n', lambda rows, _: rows or b"\n",
        last="offset=[1-9]"),
    "pbx": Dialect(
        "calls", {"api_key": KEY, "container_id": "123456", **_ALL}, "callUuid",
        b'{"callUuid":"id-%d","callDate":"2026-11-21 10:00:00"%b}', _counted_page),
    "interactions": Dialect(
        "agent_workstate_events", {"api_key": PLAIN, **_ALL}, "_id",
        b'{"_id":"id-%d","Epoch":1795255200%b}', _result_page, last='"Offset": [1-9]'),
    "interactions sweep": Dialect(
        "interactions", {"api_key": PLAIN, **_ALL}, "_id",
        b'{"_id":"id-%d","MostRecentRollupAtUtc":"2026-11-21T10:00:00.000Z"%b}', _result_page,
        last='"Offset": [1-9]'),
    "interactions passes": Dialect(
        "tickets", {"api_key": PLAIN, "tenant_id": 1, **_ALL}, "id",
        b'{"id":%d,"updatedDate":"2026-11-21T10:00:00Z"%b}', _item_page, last="SkipCount=[1-9]"),
}  # fmt: skip
"""Tap, and its way of reading where it has several -> how its vendor speaks."""

LINES = ("infinity", "infinity list")
"""Where rows come one a line."""

WIRE = tuple(name for name in DIALECTS if " " not in name)
"""One way of each tap: what the transport alone decides is the same in its others."""


def tap_of(name: str) -> str:
    """Give the tap of a dialect."""
    return name.partition(" ")[0]


class Hostile:
    """What one case's vendor sends.

    Args:
        dialect: The envelope.

    Attributes:
        request: The request that is answered.
        other_host: Where a redirect may lead.
    """

    def __init__(self, dialect: Dialect) -> None:
        """Count answers from 0."""
        self.dialect = dialect
        self.request = self.other_host = ""
        self._numbers = itertools.count()

    def asked(self, request: str) -> Hostile:
        """Give itself as it answers one request."""
        found = copy(self)
        found.request = request
        return found

    def number(self) -> int:
        """Give the next answer's number."""
        return next(self._numbers)

    def good(self, ident: int = 1, more: str = "", extra: bytes = b"") -> bytes:
        """Give a body of one row, or of none where an honest vendor has no more.

        Args:
            ident: The row's id.
            more: A cursor, where more pages follow.
            extra: Further members of the row.
        """
        dialect = self.dialect
        is_over = not more and dialect.last and re.search(dialect.last, self.request)
        return dialect.page(b"" if is_over else dialect.row % (ident, extra), more)

    def keyed(self, value: bytes) -> bytes:
        """Give a body of one row whose key is another JSON value."""
        name = self.dialect.key.encode()
        return re.sub(b'"%b":("[^"]*"|[0-9]+)' % name, b'"%b":%b' % (name, value), self.good())

    def ok(self, body: bytes | None = None, *headers: str) -> bytes:
        """Give a whole answer of status 200."""
        return reply(self.good() if body is None else body, headers=headers)


class Reader:
    """A tap's process, and the stream of a dialect that it reads.

    Args:
        name: The dialect.
        tap: The tap.
        runner: Starts the tap.
    """

    def __init__(self, name: str, tap: Tap, runner: Forked) -> None:
        """Discover once."""
        self.name, self.dialect, self.runner, self._tap = name, DIALECTS[name], runner, tap
        config = {"start_date": "2026-01-01", **self.dialect.settings}
        found = runner.run([*self._tap.arguments(config), "--discover"], datetime.now(UTC))
        self._catalog: dict[str, Any] = json.loads(b"".join(found.lines))
        for entry in self._catalog["streams"]:
            is_chosen = entry["tap_stream_id"] == self.dialect.stream
            root = next(one for one in entry["metadata"] if not one["breadcrumb"])
            root["metadata"]["selected"] = is_chosen

    @contextmanager
    def served(
        self, vendor: Hostile, answer: Callable[[Hostile], Answer], **settings: Any
    ) -> Iterator[tuple[RawServer, list[str]]]:
        """Serve the vendor; give the server and the tap's arguments for a run."""
        with RawServer(lambda request: answer(vendor.asked(request))) as server:
            config = {
                "start_date": "2026-01-01", "api_url": server.url, "max_attempts": 2,
                "request_timeout": 2, "requests_per_minute": 0, **self.dialect.settings,
            }  # fmt: skip
            given = {k: v(server.url) if callable(v) else v for k, v in settings.items()}
            yield server, self._tap.arguments({**config, **given}, catalog=self._catalog)
