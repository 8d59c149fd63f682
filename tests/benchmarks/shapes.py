"""Rows in the shapes of five vendors: templates that are cut where key and time go."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "SHAPES", "Rows", "Shape"]

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2025, 9, 1, tzinfo=UTC)
DAYS = 25
_VARIANTS = 16
_NULLS = 4  # every so-manyth value
_MEMBERS = 4  # of a nested object
_WORDS = (
    "Sales", "Call ended by the caller", "Büro München, 2. OG", "поддержка", "organic",
    "+15550100142", "https://www.example.com/pricing", "d41d8cd98f00b204",
)  # fmt: skip
_KEY, _TIME = "@key@", "@time%d@"
_SLOT = re.compile(rb"(@key@|@time\d+@)")
_ROUND = re.compile("(?:Date|Day|Hour)Utc$")  # names of instants that many rows share
_INFINITY = (
    "rowId", "triggerDatetime", "igrp", "orgId", "act", "vid", "new", "srcHash", "dgrp", "dgrpName",
    "ch", "chName", "chType", "segment", "segmentName", "goal", "goalTitle", "src", "dom", "href",
    "term", "campaign", "adGroup", "num", "srcPhoneNumber", "destPhoneNumber", "callDuration",
    "bridgeDuration", "ringTime", "callStage", "callState", "country",
)  # fmt: skip


@cache
def _clock() -> list[str]:
    return [f"{h:02d}:{m:02d}:{s:02d}" for h in range(24) for m in range(60) for s in range(60)]


@cache
def _day(number: int) -> str:
    return f"{START + timedelta(days=number):%Y-%m-%d}"


def _spaced(ms: int) -> str:
    day, second = divmod(ms // 1000, 86_400)
    return f"{_day(day)} {_clock()[second]}"


def _zulu(ms: int) -> str:
    """Write milliseconds with trailing zeros trimmed, as Json.NET does."""
    day, second = divmod(ms // 1000, 86_400)
    fraction = f".{ms % 1000:03d}".rstrip("0").rstrip(".")
    return f"{_day(day)}T{_clock()[second]}{fraction}Z"


def _bracketed(ms: int) -> str:
    day, second = divmod(ms // 1000, 86_400)
    return f"{_day(day)}T{_clock()[second]}.{ms % 1000:03d}Z[GMT]"


@dataclass(frozen=True)
class Shape:
    """The rows of one stream of one vendor.

    Attributes:
        vendor: As the tables call it.
        tap: The tap whose stream it is, without `tap-`.
        stream: The stream's name.
        key: The field that tells rows apart.
        spelling: What a row's key looks like, around its number.
        time: The field with the row's time.
        write: Writes a time, in milliseconds since the first day, as the vendor does.
        page_size: Rows of a page where the processor is the limit.
        settings: What the tap needs beside URL and dates.
        schema_name: The schema file's name, where it is not the stream's.
        fields: The fields that rows have; those of the schema where there are none.
        added: Fields of the schema that the tap makes itself.
        texts: Every so-manyth row has its numbers as text; 0 for none.
        unit: Precision of a row's time in milliseconds.
        start: The first day.
        days: How many days there are.
    """

    vendor: str
    tap: str
    stream: str
    key: str
    spelling: str
    time: str
    write: Callable[[int], str]
    page_size: int
    settings: Mapping[str, Any]
    schema_name: str = ""
    fields: Sequence[str] = ()
    added: Sequence[str] = ()
    texts: int = 0
    unit: int = 1000
    start: datetime = START
    days: int = DAYS

    @property
    def schema(self) -> dict[str, Any]:
        """The schema of the rows as the vendor sends them."""
        folder = ROOT / f"tap-{self.tap}" / f"tap_{self.tap}" / "schemas"
        text = (folder / f"{self.schema_name or self.stream}.json").read_text(encoding="utf-8")
        loaded: dict[str, Any] = json.loads(text)
        members = loaded["properties"]
        names = [n for n in (self.fields or members) if n not in self.added]
        return {**loaded, "properties": {name: members[name] for name in names}}

    @property
    def end(self) -> datetime:
        """A moment after the last row."""
        return self.start + timedelta(days=self.days)

    def windows(self) -> list[tuple[datetime, datetime]]:
        """Give the days, first and last moment of each."""
        day, unit = timedelta(days=1), timedelta(milliseconds=self.unit)
        starts = [self.start + n * day for n in range(self.days)]
        return [(start, start + day - unit) for start in starts]

    def templates(self) -> list[list[bytes]]:
        """Give rows in pieces: every second one is a slot, for key or time."""
        properties = {n: p for n, p in self.schema["properties"].items() if n != self.time}
        found = []
        for variant in range(_VARIANTS):
            row: dict[str, Any] = {self.key: _KEY, self.time: _TIME % 0}
            for place, (name, node) in enumerate(properties.items()):
                if name != self.key:
                    value = self._member(node, variant, place)
                    is_own = node.get("format") == "date-time" and not _ROUND.search(name)
                    row[name] = _TIME % (place * 61_214) if is_own and value else value
            text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
            if properties[self.key]["type"] == "integer" and not self.texts:
                text = text.replace(f'"{_KEY}"', _KEY)
            if self.tap == "pbx":  # rows hang in a map, under their key
                text = f'"{_KEY}":{text}'
            found.append(_SLOT.split(text.encode()))
        return found

    def _member(self, node: Mapping[str, Any], variant: int, place: int) -> Any:
        if isinstance(node["type"], list) and (variant + place) % _NULLS == 0:
            return None
        is_text = bool(self.texts) and variant % self.texts == 0
        return self._value(node, variant + place, is_text=is_text)

    def _value(self, node: Mapping[str, Any], seed: int, *, is_text: bool = False) -> Any:
        kind = node["type"][0] if isinstance(node["type"], list) else node["type"]
        if node.get("format") == "date-time":
            return self.write((seed % self.days) * 86_400_000 + seed % 96 * 900_000)
        if kind == "array":
            return [self._value(node["items"], seed + n) for n in range(1 + seed % 2)]
        if kind == "object":
            members = [*node.get("properties", {}).items()][:_MEMBERS]
            return {name: self._value(child, seed + n) for n, (name, child) in enumerate(members)}
        if kind == "boolean" and self.texts:  # such vendors write flags as numbers
            kind, seed = "integer", seed % 2 - 1000
        scalars = {"integer": 1000 + seed, "number": seed + 0.25, "boolean": seed % 2 == 0}
        value = scalars.get(kind, _WORDS[seed % len(_WORDS)])
        return str(value) if is_text else value


def _after(slot: bytes) -> int | None:
    """Tell how many milliseconds after the row's time a slot is; None for the key's."""
    return None if slot == _KEY.encode() else int(slot[len("@time") : -1])


class Rows:
    """All rows of a shape, rendered, spread evenly over its days.

    Args:
        shape: The shape.
        count: How many.
    """

    def __init__(self, shape: Shape, count: int) -> None:
        """Render them."""
        self.shape = shape
        self.count = count
        self._span = shape.days * 86_400_000 // shape.unit
        templates = shape.templates()
        slots = [[(n, _after(p)) for n, p in enumerate(t) if n % 2] for t in templates]
        self.rendered = [
            self._row(position, templates[position % _VARIANTS], slots[position % _VARIANTS])
            for position in range(count)
        ]

    def _row(
        self, position: int, template: Sequence[bytes], slots: Sequence[tuple[int, int | None]]
    ) -> bytes:
        shape, pieces = self.shape, [*template]
        # In the middle of its share of the time, so that none lies on the edge of a day.
        at = (2 * position + 1) * self._span // (2 * self.count) * shape.unit
        key = self.key(position)
        for place, after in slots:
            pieces[place] = (key if after is None else shape.write(at + after)).encode()
        return b"".join(pieces)

    def key(self, position: int) -> str:
        """Give the key of a row."""
        return self.shape.spelling % position

    def first_from(self, moment: datetime) -> int:
        """Give the position of the first row that is not before a moment."""
        since = (moment - self.shape.start) // timedelta(milliseconds=self.shape.unit)
        since = max(0, min(self._span, since))
        return max(0, -((self._span - 2 * since * self.count) // (2 * self._span)))

    def between(self, first: datetime, last: datetime) -> tuple[int, int]:
        """Give the positions of the rows from `first` to `last`, both included."""
        after = last + timedelta(milliseconds=self.shape.unit)
        return self.first_from(first), self.first_from(after)

    def joined(self, first: int, last: int, by: bytes = b",") -> bytes:
        """Give the rows [first, last) as text."""
        return by.join(self.rendered[first:last])


_KEYED = "0c0ffee0-0000-4000-8000-%012d"

SHAPES = {
    shape.tap: shape
    for shape in (
        Shape(
            "CallGear", "callgear", "calls", "id", "24%08d", "start_time", _spaced, 1000,
            {"access_token": "benchmark-token"},
        ),
        Shape(
            "MotionCX", "interactions", "interactions", "_id", "65f0a1b2c3d4%012d",
            "MostRecentRollupAtUtc", _zulu, 500, {"api_key": "benchmark-key"}, unit=1,
        ),
        Shape(
            "PBX", "pbx", "calls", "callUuid", _KEYED, "callDate", _spaced, 500,
            {"api_key": "benchmark-key", "container_id": "123456", "requests_per_minute": 0},
            added=("container_id", "tenant_id"), texts=3,
        ),
        Shape(
            "Dixa", "dixa", "activity_log", "id", _KEYED, "activityTimestamp", _bracketed, 300,
            {"api_token": "benchmark-token", "requests_per_minute": 0}, unit=1,
        ),
        Shape(
            "Infinity", "infinity", "calls", "rowId", "24%08d", "triggerDatetime", _spaced, 50_000,
            {"api_key": "benchmark-key"}, schema_name="trigger", fields=_INFINITY, texts=1,
        ),
    )
}  # fmt: skip
"""The shapes, by their tap."""
