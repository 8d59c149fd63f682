"""Columns of decoded rows, converted a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import NoneType
from typing import Any

from msgspec import UNSET, UnsetType

from tap_shared.coerce import Coercion, main_type
from tap_shared.fields import fill, reader
from tap_shared.row_types import is_instant, is_scalar

__all__ = ["NOTHING", "Column"]

NOTHING = frozenset({NoneType, UnsetType})
"""Types of the values that are left as they are."""

_MISFITS = (ValueError, OverflowError, ArithmeticError)
_INSTANTS, _SCALARS = 512, 4096  # values that a column remembers
_OFTEN = 4  # times that a value must come, on average, to be worth it
_LEFT = {None: None, UNSET: UNSET}

Row = Any


class _Remembered(dict[Any, Any]):
    """What the values of a column became, as long as they come again: they cost a look then.

    1, 1.0 and True are one key: only whole numbers and flags are the same of all three.
    """

    def __init__(self, convert: Coercion, *, is_whole: bool, most: int) -> None:
        super().__init__(_LEFT)
        self._convert = convert
        self._kept = {str, int, bool} if is_whole else {str}
        self._most = most
        self._looks = 0
        self.is_worth_it = True

    def __missing__(self, value: Any) -> Any:
        found = self._convert(value)
        if type(value) in self._kept and len(self) < self._most:
            self[value] = found
        return found

    def column(self, values: Sequence[Any]) -> list[Any]:
        """Look values up; once there are many, begin anew, or never again."""
        found = [*map(self.__getitem__, values)]
        self._looks += len(values)
        if len(self) >= self._most:
            self.is_worth_it = self._looks > _OFTEN * self._most
            self._looks = 0
            self.clear()
            self.update(_LEFT)
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
        self._values = reader(attribute)
        self._convert = convert
        self._at_once: Callable[[Sequence[Any]], list[Any]] | None
        self._at_once = getattr(convert, "column", None)
        self._is_flat = is_scalar(node) or is_instant(node)
        most = _INSTANTS if is_instant(node) else _SCALARS
        is_whole = main_type(node) in {"integer", "boolean"}
        self._known = _Remembered(convert, is_whole=is_whole, most=most)
        self._known.is_worth_it = self._is_flat and not node.get("x-epoch")

    def convert(self, rows: Sequence[Row]) -> Sequence[tuple[int, Any]]:
        """Convert the column of every row, in place.

        Returns:
            Position and value of what does not fit; it is null now.
        """
        values = self._values(rows)
        if self._is_flat:
            with suppress(*_MISFITS, TypeError):  # a list is no key
                fill(rows, self._attribute, self._converted(values))
                return ()
        return [*self._one_by_one(rows, values)]

    def _converted(self, values: Sequence[Any]) -> list[Any]:
        if self._known.is_worth_it:
            return self._known.column(values)
        convert = self._convert
        if self._at_once is not None:
            return self._at_once(values)
        return [v if v is None or v is UNSET else convert(v) for v in values]

    def _one_by_one(self, rows: Sequence[Row], values: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for position, value in enumerate(values):
            if value is None or value is UNSET:
                continue
            try:
                setattr(rows[position], self._attribute, self._convert(value))
            except _MISFITS:
                setattr(rows[position], self._attribute, None)
                yield position, value
