"""Vendors that answer with anything, in the envelopes of two real ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.runner import Tap
from tests.shared.raw_server import Answer, RawServer, reply

__all__ = ["DIALECTS", "Dialect", "Hostile", "hostile"]

KEY = "sandbox-hostile-key/+=\u00e9"


@dataclass(frozen=True)
class Dialect:
    """How one vendor's list of tags is asked for and answered.

    Attributes:
        tap: The tap.
        settings: On top of `api_url` and the common ones.
        row: Gives a row for an id, with further members as JSON text.
        page: Gives a body for rows, and a cursor or more rows to come.
    """

    tap: str
    settings: dict[str, Any]
    row: Callable[[int, bytes], bytes]
    page: Callable[[bytes, str], bytes]


def _callgear_page(rows: bytes, more: str) -> bytes:
    total = b"1000000000" if more else b"%d" % (rows.count(b'"id"'))
    return (
        b'{"jsonrpc":"2.0","id":1,"result":{"data":[' + rows
        + b'],"metadata":{"total_items":' + total + b"}}}"
    )  # fmt: skip


def _dixa_page(rows: bytes, more: str) -> bytes:
    following = b'"/v1/tags?pageKey=%s"' % more.encode() if more else b"null"
    return b'{"data":[' + rows + b'],"meta":{"next":' + following + b"}}"


DIALECTS = {
    "callgear": Dialect(
        "callgear",
        {"access_token": KEY, "timezone": "UTC"},
        lambda ident, more: b'{"id":%d,"name":"t"%b}' % (ident, more),
        _callgear_page,
    ),
    "dixa": Dialect(
        "dixa",
        {"api_token": KEY, "static_catalogue": True},
        lambda ident, more: b'{"id":"id-%d","name":"t"%b}' % (ident, more),
        _dixa_page,
    ),
}


class Hostile:
    """What one case's vendor sends.

    Args:
        dialect: The envelope.
    """

    def __init__(self, dialect: Dialect) -> None:
        """Count answers from 0."""
        self.dialect = dialect
        self.other_host = ""
        self._numbers = itertools.count()

    def number(self) -> int:
        """Give the next answer's number."""
        return next(self._numbers)

    def good(self, ident: int = 1, more: str = "", extra: bytes = b"") -> bytes:
        """Give a body of one row."""
        return self.dialect.page(self.dialect.row(ident, extra), more)

    def ok(self, body: bytes | None = None, *headers: str) -> bytes:
        """Give a whole answer of status 200."""
        return reply(self.good() if body is None else body, headers=headers)


@contextmanager
def hostile(
    vendor: Hostile, answer: Callable[[Hostile], Answer], folder: Path
) -> Iterator[tuple[RawServer, list[str]]]:
    """Serve the vendor; give the server and the tap's arguments for a run of its tags."""
    tap = Tap(vendor.dialect.tap, folder)
    with RawServer(lambda _request: answer(vendor)) as server:
        config = {
            "start_date": "2026-01-01", "api_url": server.url, "max_attempts": 2,
            "request_timeout": 2, "requests_per_minute": 0, **vendor.dialect.settings,
        }  # fmt: skip
        catalog = {"streams": [_entry(vendor.dialect)]}
        yield server, tap.arguments(config, catalog=catalog)


def _entry(dialect: Dialect) -> dict[str, Any]:
    kind = "integer" if dialect.tap == "callgear" else "string"
    return {
        "tap_stream_id": "tags", "stream": "tags", "key_properties": ["id"],
        "schema": {"type": "object", "properties": {"id": {"type": kind}}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
    }  # fmt: skip
