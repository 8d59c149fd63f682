"""Rows, made of a part of their own and parts shared with other rows, and tables of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any

from contact_sandbox.callgear.methods import Method
from contact_sandbox.vendor import encode_json

_LOCAL = attrgetter("local")


class Projection:
    """The fields that a request asks for; one object for each set, so that renderings are kept."""

    def __init__(self, names: Iterable[str], method: Method) -> None:
        """Ask for `names` of the method's fields."""
        self.names = frozenset(names)
        self.everything = self.names == method.fields.keys()


class Block:
    """Values that many rows share, for example everything about one visitor.

    Its JSON is rendered once for each projection: wide rows stay cheap.
    """

    __slots__ = ("_rendered", "values")

    def __init__(self, values: dict[str, Any]) -> None:
        """Hold `values`, which are not changed later."""
        self.values = values
        self._rendered: dict[Projection, bytes] = {}

    def render(self, projection: Projection) -> bytes:
        """Return the asked members without braces."""
        found = self._rendered.get(projection)
        if found is None:
            found = self._rendered[projection] = _members(self.values, projection)
        return found


class Row:
    """One row.

    Attributes:
        at: The instant that the method's range applies to (UTC, perhaps with a fraction).
        local: The same as naive local time.
        own: Values of this row alone; disjoint from the blocks.
        blocks: Shared values.
        extra: Undeclared members, sent whatever fields are asked for.
        hidden_unless: Name of the parameter that must be true for the row to be listed, or None.
    """

    __slots__ = ("_rendered", "at", "blocks", "extra", "hidden_unless", "local", "own")

    def __init__(
        self,
        own: dict[str, Any],
        blocks: tuple[Block, ...] = (),
        at: datetime | None = None,
        local: datetime | None = None,
    ) -> None:
        """Hold the parts of a row."""
        self.own = own
        self.blocks = blocks
        self.at = at
        self.local = local
        self.extra: dict[str, Any] = {}
        self.hidden_unless: str | None = None
        self._rendered: tuple[Projection, bytes] | None = None

    def get(self, name: str) -> Any:
        """Return the value of a field, None where there is none."""
        if name in self.own:
            return self.own[name]
        for block in self.blocks:
            if name in block.values:
                return block.values[name]
        return None

    def update(self, **values: Any) -> None:
        """Change values of the row's own part."""
        self.own.update(values)
        self._rendered = None

    def full(self, method: Method) -> dict[str, Any]:
        """Return every declared field, and the undeclared ones that the row carries."""
        return {**{name: self.get(name) for name in method.fields}, **self.extra}

    def render(self, projection: Projection) -> bytes:
        """Return the row's JSON with the asked fields."""
        if self._rendered is not None and self._rendered[0] is projection:
            return self._rendered[1]
        whole = projection.everything
        parts = [encode_json(self.own)[1:-1] if whole else _members(self.own, projection)]
        parts.extend(block.render(projection) for block in self.blocks)
        if self.extra:
            parts.append(encode_json(self.extra)[1:-1])
        rendered = b"{" + b",".join(filter(None, parts)) + b"}"
        self._rendered = (projection, rendered)
        return rendered


class Table:
    """The rows of one method, in order of their local time where they have one."""

    def __init__(self, method: Method, rows: list[Row]) -> None:
        """Hold `rows`."""
        self.method = method
        self.rows = sorted(rows, key=_LOCAL) if rows and rows[0].local else rows

    def add(self, row: Row) -> None:
        """Insert a row with a time."""
        insort(self.rows, row, key=_LOCAL)

    def between(self, low: datetime, high: datetime, *, inclusive: bool) -> list[Row]:
        """Return the rows with low <= local time <= high (or < high)."""
        bisect_end = bisect_right if inclusive else bisect_left
        first = bisect_left(self.rows, low, key=_LOCAL)
        return self.rows[first : bisect_end(self.rows, high, lo=first, key=_LOCAL)]


def _members(values: dict[str, Any], projection: Projection) -> bytes:
    """Return the JSON of the asked values without braces."""
    names = projection.names
    return encode_json({name: value for name, value in values.items() if name in names})[1:-1]
