"""Rows of a vendor's shape, pre-rendered: templates that are cut where id and time go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

__all__ = ["SHAPES", "Shape"]

ROOT = Path(__file__).resolve().parents[2]
FIRST_ID = 2_400_000_000
_VARIANTS = 16
_NULLS = 4  # every so-manyth value
_WORDS = ("Sales", "Call ended by the caller", "Büro München", "поддержка", "organic", "+15550100")
_ID, _TIME = "@id@", "@time@"


@dataclass(frozen=True)
class Shape:
    """The rows of one stream.

    Attributes:
        tap: The tap whose stream it is, without `tap-`.
        stream: Its name.
        identity: The field that counts up.
        time: The field with the row's time.
        start: The time of the first row.
        days: How long a time the rows are spread over, evenly.
    """

    tap: str
    stream: str
    identity: str
    time: str
    start: datetime = datetime(2026, 9, 1, tzinfo=UTC)
    days: int = 40

    @property
    def schema(self) -> dict[str, Any]:
        """The stream's schema file."""
        folder = ROOT / f"tap-{self.tap}" / f"tap_{self.tap}" / "schemas"
        loaded: dict[str, Any] = json.loads((folder / f"{self.stream}.json").read_text())
        return loaded

    @property
    def end(self) -> datetime:
        """A moment after the last row."""
        return self.start + timedelta(days=self.days)

    def at(self, position: int, rows: int) -> datetime:
        """Give the time of a row."""
        second = position * self.days * 86_400 // rows
        return self.start + timedelta(seconds=second)

    def position(self, moment: datetime, rows: int) -> int:
        """Give the first row that is not before a moment."""
        seconds = (moment - self.start).total_seconds()
        guess = max(0, min(rows, int(seconds * rows / (self.days * 86_400)) - 2))
        while guess < rows and self.at(guess, rows) < moment:
            guess += 1
        return guess

    def templates(self) -> list[tuple[bytes, bytes, bytes]]:
        """Give rows as three pieces: id and time go between them."""
        found = []
        for variant in range(_VARIANTS):
            row = {self.identity: _ID, self.time: _TIME, **self._rest(variant)}
            text = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
            before, _, after = text.partition(f'"{_ID}"'.encode())
            between, _, rest = after.partition(_TIME.encode())
            found.append((before, between, rest))
        return found

    def _rest(self, variant: int) -> dict[str, Any]:
        others = [
            name for name in self.schema["properties"] if name not in {self.identity, self.time}
        ]
        return {
            name: None
            if (variant + place) % _NULLS == 0
            else _value(self.schema["properties"][name], variant + place)
            for place, name in enumerate(others)
        }


def _value(node: Mapping[str, Any], seed: int) -> Any:
    kind = next(k for k in (node["type"] if isinstance(node["type"], list) else [node["type"]]))
    if node.get("format") == "date-time":
        return f"2026-10-{1 + seed % 28:02d} 08:{seed % 60:02d}:00"
    if kind == "array":
        return [_value(node["items"], seed + n) for n in range(1 + seed % 2)]
    if kind == "object":
        return {name: _value(child, seed + n) for n, (name, child) in enumerate(_members(node))}
    scalars = {"integer": 1000 + seed, "number": seed + 0.25, "boolean": seed % 2 == 0}
    return scalars.get(kind, _WORDS[seed % len(_WORDS)])


def _members(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from node.get("properties", {}).items()


SHAPES = {"callgear": Shape("callgear", "calls", "id", "start_time")}
