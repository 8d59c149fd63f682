"""Rows of a large answer, kept as bytes until they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

from msgspec import Raw

__all__ = ["PackedRows"]

Row = Any


class PackedRows(Sequence[Row]):
    """Rows that are decoded each time they are looked at.

    Rows in memory take several times what they take on the wire.

    Args:
        raws: Their bytes.
        decode: Gives rows for bytes.
    """

    def __init__(self, raws: list[Raw], decode: Callable[[list[Raw]], list[Row]]) -> None:
        """Decode nothing yet."""
        self._raws = raws
        self._decode = decode

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._raws)

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        """Decode a row, or some."""
        if isinstance(at, slice):
            return self._decode(self._raws[at])
        return self._decode([self._raws[at]])[0]
