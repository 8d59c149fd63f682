"""Columns of decoded rows, converted a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from types import NoneType
from typing import Any

from msgspec import UNSET, UnsetType

from tap_shared.coerce import Coercion, main_type
from tap_shared.page import fill
from tap_shared.row_types import is_instant, is_scalar

__all__ = ["NOTHING", "Column"]

NOTHING = frozenset({NoneType, UnsetType})
"""Types of the values that are left as they are."""

_MISFITS = (ValueError, OverflowError, ArithmeticError)
_REMEMBERED = 4096

Row = Any


class _Remembered(dict[Any, Any]):
    """What the values of a column became: one that comes again costs a look.

    1, 1.0 and True are one key: only whole numbers are the same of all three.
    """

    def __init__(self, convert: Coercion, *, is_whole: bool) -> None:
        super().__init__({None: None, UNSET: UNSET})
        self._convert = convert
        self._kept = {str, int} if is_whole else {str}

    def __missing__(self, value: Any) -> Any:
        found = self._convert(value)
        if type(value) in self._kept and len(self) < _REMEMBERED:
            self[value] = found
        return found


class Column:
    """One column whose values are converted.

    Args:
        name: Its JSON name.
        attribute: That of the structures.
        node: Its schema.
        convert: What is done to a value that is neither null nor absent. Where it raises, it has
            changed nothing.
    """

    def __init__(
        self, name: str, attribute: str, node: Mapping[str, Any], convert: Coercion
    ) -> None:
        """Remember nothing yet."""
        self.name = name
        self._attribute = attribute
        self._values = attrgetter(attribute)
        self._convert = convert
        known = _Remembered(convert, is_whole=main_type(node) == "integer")
        self._known = known.__getitem__ if is_scalar(node) else None
        self._is_instant = is_instant(node)

    def convert(self, rows: Sequence[Row]) -> Sequence[tuple[int, Any]]:
        """Convert the column of every row, in place.

        Returns:
            Position and value of what does not fit; it is null now.
        """
        values = [*map(self._values, rows)]
        try:
            if self._known is not None:
                fill(rows, self._attribute, [*map(self._known, values)])
                return ()
            if self._is_instant:
                convert = self._convert
                found = [v if v is None or v is UNSET else convert(v) for v in values]
                fill(rows, self._attribute, found)
                return ()
        except (*_MISFITS, TypeError):  # a list is no key
            pass
        return [*self._one_by_one(rows, values)]

    def _one_by_one(self, rows: Sequence[Row], values: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for position, value in enumerate(values):
            if value is None or value is UNSET:
                continue
            try:
                setattr(rows[position], self._attribute, self._convert(value))
            except _MISFITS:
                setattr(rows[position], self._attribute, None)
                yield position, value
