"""Stored documents: typed as in the vendor's store, written to the wire on demand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from contact_sandbox.interactions import instants

Row = dict[str, Any]


class Document:
    """One stored record.

    Attributes:
        fields: Values by name; instants are aware datetimes.
        at: The time that the endpoint's range applies to, where the record does not carry it
            under a known name.
    """

    def __init__(
        self,
        fields: Row,
        at: datetime | None = None,
        write: Callable[[datetime], str] = instants.wire,
    ) -> None:
        """Keep `fields`; `write` puts an instant on the wire."""
        self.fields = fields
        self.at = at
        self._write = write
        self._wire: Row | None = None

    def update(self, changed: Row) -> None:
        """Change fields; rows handed out before keep their old values."""
        self.fields = {**self.fields, **changed}
        self._wire = None

    def row(self) -> Row:
        """Return the record as it is on the wire; not to be changed."""
        if self._wire is None:
            self._wire = {name: self._value(value) for name, value in self.fields.items()}
        return self._wire

    def _value(self, value: object) -> object:
        """Return a value as it is on the wire."""
        if isinstance(value, datetime):
            return self._write(value)
        if isinstance(value, dict):
            return {name: self._value(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner) for inner in value]
        return value


def object_id(rng_bits: int, instant: datetime) -> str:
    """Return a document id: 24 hex digits of which the first eight are a time in seconds."""
    return f"{instants.epoch(instant):08x}{rng_bits:016x}"
