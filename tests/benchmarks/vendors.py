"""How the five vendors answer: paths, ranges of time, paging and envelopes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote

from tests.benchmarks.shapes import Rows

__all__ = ["VENDORS", "Answer", "Asked"]

_DAY = timedelta(days=1)
_INSTANT = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes:
        path: Its path.
        query: Its query, undecoded.
        body: Its body.
    """

    path: str
    query: str
    body: bytes

    @cached_property
    def params(self) -> dict[str, str]:
        """The query; the last of several values."""
        return dict(parse_qsl(self.query))

    @cached_property
    def members(self) -> dict[str, Any]:
        """The body's members."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Answer:
    """An answer, in three parts so that the largest need not be copied.

    Attributes:
        head: What is before the rows.
        rows: The rows' text.
        tail: What is behind them.
        count: How many rows there are.
    """

    head: bytes
    rows: bytes = b""
    tail: bytes = b""
    count: int = 0


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def callgear(rows: Rows, asked: Asked) -> Answer:
    """Answer JSON-RPC: a window, an offset, a total."""
    params = asked.members["params"]
    head = b'{"jsonrpc":"2.0","id":1,"result":{"metadata":{'
    if asked.members["method"] == "get.account":
        return Answer(head + b'},"data":[{"app_id":1,"timezone":"UTC"}]}}')
    low, high = rows.between(_moment(params["date_from"]), _moment(params["date_till"]))
    first = min(high, low + int(params.get("offset", 0)))
    last = min(high, first + int(params["limit"]))
    head += b'"total_items":%d},"data":[' % (high - low)
    return Answer(head, rows.joined(first, last), b"]}}", last - first)


def interactions(rows: Rows, asked: Asked) -> Answer:
    """Answer MotionCX's `interaction/details`: a window, an offset, no total."""
    members = asked.members
    low, high = rows.between(_moment(members["StartDateTime"]), _moment(members["EndDateTime"]))
    first = min(high, low + int(members.get("Offset", 0)))
    last = min(high, first + min(500, int(members.get("Limit", 100))))
    head = b'{"resultCode":0,"resultMessage":null,"hasPaging":false,"data":['
    return Answer(head, rows.joined(first, last), b"]}", last - first)


def pbx(rows: Rows, asked: Asked, size: int = 500) -> Answer:
    """Answer the PBX's call list: a window, pages of 500, their number and the rows'."""
    low, high = rows.between(_moment(asked.params["fromDate"]), _moment(asked.params["toDate"]))
    total = high - low
    first = min(high, low + (int(asked.params.get("page", 1)) - 1) * size)
    last = min(high, first + size)
    head = b'{"maxResultSize":%d,"maxPages":%d,"utcOffset":0,"data":' % (total, -(-total // size))
    if last == first:
        return Answer(head + b"[]}")
    return Answer(head + b"{", rows.joined(first, last), b"}}", last - first)


def dixa(rows: Rows, asked: Asked) -> Answer:
    """Answer Dixa's activity log: a window, and a cursor in the address of the next page."""
    if not asked.path.endswith("/activitylog"):
        return Answer(b'{"data":[],"meta":{"next":null}}')  # the catalogues of another account
    params = asked.params
    low, high = rows.between(_moment(params["fromDatetime"]), _moment(params["toDatetime"]))
    if "pageKey" in params:
        low, high = map(int, base64.b64decode(params["pageKey"]).split(b":"))
    last = min(high, low + int(params.get("pageLimit", 50)))
    following = b"null"
    if last < high:
        kept = "&".join(p for p in asked.query.split("&") if not p.startswith("pageKey="))
        key = quote(base64.b64encode(b"%d:%d" % (last, high)).decode(), safe="")
        following = f'"{asked.path}?{kept}&pageKey={key}"'.encode()
    head = b'{"meta":{"previous":null,"next":' + following + b'},"data":['
    return Answer(head, rows.joined(low, last), b"]}", last - low)


def infinity(rows: Rows, asked: Asked) -> Answer:
    """Answer Infinity's triggers: whole days, a keyset over `rowId`, one object a line."""
    params = asked.params
    if "/triggers/" not in asked.path:
        is_first = params.get("offset", "0") == "0"
        return Answer(b'{"igrp":"101","igrpName":"Main"}\n' if is_first else b"\n")
    last_day = _moment(params["endDate"]) + _DAY - _INSTANT
    low, high = rows.between(_moment(params["startDate"]), last_day)
    if beyond := params.get("filter[]"):
        base = int(rows.key(0))
        low = max(low, int(beyond.removeprefix("rowId-gt-value-")) - base + 1)
    last = max(low, min(high, low + int(params["limit"])))
    if last == low:
        return Answer(b"\n")
    if params.get("display[]") == "rowId":
        text = b"".join(b'{"rowId":"%s"}\n' % rows.key(n).encode() for n in range(low, last))
        return Answer(text)
    return Answer(b"", rows.joined(low, last, b"\n"), b"\n", last - low)


VENDORS: dict[str, Callable[[Rows, Asked], Answer]] = {
    "callgear": callgear,
    "interactions": interactions,
    "pbx": pbx,
    "dixa": dixa,
    "infinity": infinity,
}
"""What answers for which shape."""
