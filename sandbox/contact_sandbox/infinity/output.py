r"""Bodies of answers: one JSON object a line, a JSON array or CSV.

Facts: https://kb.infinity.co/service/api/reports_v2_basics.html. An empty `json` answer is a blank
line, an empty `jsonarray` the bytes `\n]\n` (seen by a public R client, ETikalenko/Infinity).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from contact_sandbox.infinity.query import Query, Row
from contact_sandbox.vendor import Reply, encode_json

_CHUNK = 16_381
_TYPES = {"json": "application/json", "jsonarray": "application/json", "csv": "text/csv"}


def message(status: int, text: str) -> Reply:
    """Return a message as the vendor sends it: a bare JSON string."""
    return Reply(status, encode_json(text), {"Content-Type": "application/json"})


def line(row: Row) -> bytes:
    r"""Return one row as a line; rows with an odd id the way PHP escapes (`\u00e9`, `\/`)."""
    if str(row.get("rowId", ""))[-1:] not in {"1", "3", "5", "7", "9"}:
        return encode_json(row) + b"\n"
    return json.dumps(row, separators=(",", ":")).replace("/", "\\/").encode() + b"\n"


def reply(rows: list[Row], query: Query) -> Reply:
    """Return rows, already projected, in the format that was asked for."""
    kind = query.scalars.get("format", "json")
    headers = {"Content-Type": _TYPES[kind]}
    if kind == "json":
        return Reply(200, ndjson(map(line, rows)), headers)
    if kind == "jsonarray":
        body = b",\n".join(line(row)[:-1] for row in rows)
        return Reply(200, b"[" * bool(rows) + body + b"\n]\n", headers)
    return Reply(200, _csv([alias for _, alias in query.display], rows), headers)


def ndjson(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines in pieces that end anywhere, even inside a character; a blank line for none."""
    pending = bytearray()
    empty = True
    for text in lines:
        empty = False
        if len(text) >= _CHUNK:
            yield bytes(pending)
            pending.clear()
            yield text
            continue
        pending += text
        while len(pending) >= _CHUNK:
            yield bytes(pending[:_CHUNK])
            del pending[:_CHUNK]
    yield b"\n" if empty else bytes(pending)


POISONS = ("string", "cut", "object", "void")
"""What may go wrong with a body; see `poisoned`."""
_INSERTED = {
    "string": b'"Internal error, please try again"\n',
    "object": b'{"error":"Internal error"}\n',
}


def poisoned(lines: Iterable[bytes], kind: str, after: int) -> Iterator[bytes]:
    """Yield lines with something wrong behind the first `after`.

    Args:
        lines: A healthy body in pieces.
        kind: `string` puts a message among the rows and `object` an error, `cut` ends the body
            inside a line, `void` sends nothing.
        after: Pieces that stay whole.
    """
    for place, text in enumerate(() if kind == "void" else lines):
        if place == after and kind in _INSERTED:
            yield _INSERTED[kind]
        elif place == after and kind == "cut" and len(text) > 1:
            yield text[: len(text) // 2]
            return
        yield text


def _array(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines as one JSON array, also of no rows."""
    yield b"[" + b",".join(line for line in b"".join(lines).split(b"\n") if line) + b"]"


SPELLINGS: Mapping[str, Callable[[Iterable[bytes]], Iterable[bytes]]] = {
    "lines": lambda lines: lines,
    "crlf": lambda lines: (text.replace(b"\n", b"\r\n") for text in lines),
    "blank": lambda lines: (text.replace(b"\n", b"\n \n\n") for text in lines),
    "bom": lambda lines: (b"\xef\xbb\xbf", *lines),
    "unended": lambda lines: [b"".join(lines).rstrip(b"\n")],
    "array": _array,
}
"""Ways to spell rows, by the name of the option."""


def _csv(names: list[str], rows: list[Row]) -> bytes:
    """Return CSV with a header line."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(names)
    writer.writerows([[_cell(value) for value in row.values()] for row in rows])
    return sheet.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    """Return a value as a CSV cell."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return "" if value is None else value
