"""Calls by the million: templates with an id and a time, nothing held for each row."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime

from contact_sandbox.infinity.reference import Row, Site, wire_time
from contact_sandbox.infinity.trigger_rows import render
from contact_sandbox.vendor import encode_json

_TEMPLATES = 48
_BLOCK = 128
_FIRST_ROW_ID = 20_000_000


class BulkCalls:
    """A run of `count` calls with neighbouring ids, spread evenly over a time range."""

    def __init__(
        self, rng: random.Random, site: Site, start: datetime, end: datetime, count: int
    ) -> None:
        """Render the templates; the calls lie in [start, end)."""
        self.first_row_id = _FIRST_ROW_ID
        self.last_row_id = _FIRST_ROW_ID + count - 1
        self.count = count
        self._start = int(start.timestamp())
        self._span = int(end.timestamp()) - self._start
        self._rows: list[Row] = []
        self._pieces: list[tuple[bytes, bytes, bytes]] = []
        for _ in range(_TEMPLATES):
            row = render(rng, site, "call", 0, start)
            row |= {"callKeywordSpotting": "0", "txr": None}
            self._rows.append(row)
            marked = encode_json(row | {"rowId": "<id>", "triggerDatetime": "<at>"}) + b"\n"
            head, rest = marked.split(b"<id>", 1)
            self._pieces.append((head, *rest.split(b"<at>", 1)))  # type: ignore[arg-type]

    def at(self, place: int) -> int:
        """Return the epoch second of the call at `place`."""
        return self._start + place * self._span // self.count

    def places(self, start: int, end: int) -> tuple[int, int]:
        """Return the places [first, last) whose time lies in [start, end)."""
        return (
            bisect_left(range(self.count), start, key=self.at),
            bisect_left(range(self.count), end, key=self.at),
        )

    def rows(self, first: int, last: int) -> Iterator[tuple[int, int, Row]]:
        """Yield id, epoch second and row of the places [first, last)."""
        for place in range(first, last):
            row_id, at = self.first_row_id + place, self.at(place)
            moment = wire_time(datetime.fromtimestamp(at, UTC))
            template = self._rows[place % _TEMPLATES]
            yield row_id, at, template | {"rowId": str(row_id), "triggerDatetime": moment}

    def lines(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the places [first, last) as lines, many to a block."""
        for low in range(first, last, _BLOCK):
            parts: list[bytes] = []
            for place in range(low, min(low + _BLOCK, last)):
                head, middle, tail = self._pieces[place % _TEMPLATES]
                moment = wire_time(datetime.fromtimestamp(self.at(place), UTC))
                row_id = b"%d" % (self.first_row_id + place)
                parts += (head, row_id, middle, moment.encode(), tail)
            yield b"".join(parts)
