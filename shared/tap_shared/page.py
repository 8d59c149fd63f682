"""The unit between fetch and emit: the rows of one vendor answer."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import msgspec

from tap_shared.decoders import decoder
from tap_shared.errors import PleaseRetry
from tap_shared.fields import column_of, stamped, texts, write
from tap_shared.writer import encode_record, storable

__all__ = ["Page", "decode", "has_nul"]

T = TypeVar("T")

Row = Any  # a dictionary, or a structure of `codec.py`

_BLOCK = 256  # rows that are decoded at a time, and still in the processor's cache when written


@dataclass(slots=True)
class Page:
    """Rows of one answer, in the vendor's order.

    Attributes:
        rows: The vendor's rows: dictionaries, or structures that a `Codec` decoded or will decode.
        total: How many rows the vendor says the whole query has, where it says so.
        size: Bytes of the answer, for the bound on what is read ahead.
        facts: Whatever else of the answer its paginator needs (a cursor, a page count).
        read_at: When it came.
    """

    rows: Sequence[Row]
    total: int | None = None
    size: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rows)

    def column(self, name: str) -> list[Any]:
        """Give one field of every row; None where a row has none."""
        return column_of(self.rows, name)

    def stamp(self, **values: Any) -> Page:
        """Add columns to every row that has none of that name."""
        self.rows = stamped(self.rows, values)
        return self

    def blocks(self) -> Iterator[Page]:
        """Give the page, emptied meanwhile, in pieces that are shaped and written one by one."""
        rows, self.rows = self.rows, ()
        size = max(1, len(rows)) if isinstance(rows, list) else _BLOCK
        for start in range(0, max(1, len(rows)), size):
            yield replace(self, rows=rows[start : start + size])

    def write(self, name: str, values: Iterable[Any]) -> None:
        """Give every row a value for a column, whatever it had there."""
        write(self.rows, name, values)

    def keep(self, test: Callable[[Row], bool]) -> Page:
        """Keep the rows that pass a test."""
        self.rows = [row for row in self.rows if test(row)]
        return self

    def unseen(
        self, key: Sequence[str], seen: set[Any], earlier: AbstractSet[Any] = frozenset()
    ) -> Page:
        """Drop rows whose key was seen before, and remember all keys.

        Args:
            key: Names of the key's columns.
            seen: Keys of this window; grows.
            earlier: Keys of the window before, which shares rows at the edge.
        """
        if not key:
            return self
        columns = [texts(self.column(name)) for name in key]
        marks: list[Any] = columns[0] if len(key) == 1 else [*zip(*columns, strict=True)]
        distinct = set(marks)
        is_new = seen.isdisjoint(distinct) and distinct.isdisjoint(earlier)
        if is_new and len(distinct) == len(marks):  # as mostly
            seen |= distinct
            return self
        fresh = []
        for row, mark in zip(self.rows, marks, strict=True):
            if mark not in seen:
                seen.add(mark)
                if mark not in earlier:
                    fresh.append(row)
        self.rows = fresh
        return self


def has_nul(text: bytes) -> bool:
    """Tell whether JSON text may hold an escaped NUL; from behind, which is searched quicker."""
    return b"\\" in text and text.rfind(b"\\u0000") >= 0


def decode(body: bytes, kind: type[T]) -> T:
    """Decode a JSON body into a msgspec type or plain values, whatever text is in it.

    Args:
        body: The answer's bytes.
        kind: A msgspec Struct, `dict`, `list` or `Any`.

    Returns:
        The decoded value. Lone surrogates and NUL, which no warehouse stores, are U+FFFD.

    Raises:
        PleaseRetry: The body is no JSON, or not of that shape: cut, HTML, a gateway's text.
    """
    try:
        if not has_nul(body):
            return cast("T", decoder(kind).decode(body))
    except msgspec.ValidationError as err:
        if _HUGE not in str(err):
            msg = f"the answer has an unexpected shape ({_place(err)})"
            raise PleaseRetry(msg) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the lenient reading below decides whether it is JSON at all
    return _lenient(body, kind)


_HUGE = " out of range"  # of a float ("Number ...") or of an integer


def _finite(text: str) -> float | str:
    """Keep a number that no float can hold as text."""
    number = float(text)
    return number if math.isfinite(number) else text


def _lenient(body: bytes, kind: type[T]) -> T:
    """Read what msgspec refuses: surrogate escapes, NaN, a byte order mark, control characters."""
    try:
        value = storable(
            json.loads(
                body.decode("utf-8-sig", "replace"),
                parse_int=_whole, parse_float=_finite, parse_constant=str, strict=False,
            )
        )  # fmt: skip
        # Written and read once more, since a type may keep parts of the text as they are (Raw).
        return cast("T", decoder(kind).decode(encode_record(value)))
    except msgspec.ValidationError as err:
        msg = f"the answer has an unexpected shape ({_place(err)})"
        raise PleaseRetry(msg) from None
    except (ValueError, RecursionError):
        start = body[:1].decode("ascii", "replace")
        what = "an HTML page" if start == "<" else "no complete JSON" if body else "empty"
        msg = f"the answer ({len(body)} bytes) is {what}"
        raise PleaseRetry(msg) from None


_LONGEST_INTEGER = 40


def _whole(text: str) -> int | str:
    """Keep absurdly long integers as text: no column can hold them."""
    return int(text) if len(text) < _LONGEST_INTEGER else text


def _place(err: msgspec.ValidationError) -> str:
    """Say where, without the value that is there."""
    text = str(err)
    return text[:120]
