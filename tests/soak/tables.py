"""The warehouse of a soak: one table a stream, upserted by key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import msgspec
import sqlalchemy

from tests.contract.runner import read_line

__all__ = ["IN_MEMORY", "Tables"]

IN_MEMORY = "sqlite://"
_TIME = b',"time_extracted":'
_UPSERT = (
    "insert into {} (key, record) values (:key, :record)"
    " on conflict (key) do update set record = excluded.record"
)


class Tables:
    """Tables of records under their keys.

    Args:
        url: An SQLAlchemy URL: SQLite or PostgreSQL.
        prefix: Put before each table's name.

    Attributes:
        records: How many records came.
        known: How many of them had a key that was there already.
    """

    def __init__(self, url: str, prefix: str) -> None:
        """Connect; nothing is made yet."""
        self._engine = sqlalchemy.create_engine(url)
        self._connection = self._engine.connect()
        self._prefix = prefix
        self._held: dict[str, dict[str, int]] = {}
        self.records = self.known = 0

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Disconnect."""
        self._connection.close()
        self._engine.dispose()

    def load(self, lines: Sequence[bytes]) -> None:
        """Take the Singer lines of one run in, records by upsert, the last of a key winning.

        A record that is what its row already holds is not written once more.
        """
        keys: dict[str, list[str]] = {}
        rows: dict[str, dict[str, str]] = {}
        for line in lines:
            message = msgspec.json.decode(line)
            if message["type"] == "SCHEMA":
                keys[message["stream"]] = message["key_properties"]
                self._make(message["stream"])
            elif message["type"] == "RECORD":
                stream, record = message["stream"], message["record"]
                key = json.dumps([record[name] for name in keys[stream]])
                content = hash(line.rpartition(_TIME)[0])
                held = self._held[stream].get(key)
                self.records += 1
                self.known += held is not None
                if content != held:
                    self._held[stream][key] = content
                    rows.setdefault(stream, {})[key] = line.decode()
        for stream, found in rows.items():
            self._upsert(stream, found)
        self._connection.commit()

    def _make(self, stream: str) -> None:
        if stream not in self._held:
            self._held[stream] = {}
            columns = "key text primary key, record text not null"
            self._connection.execute(
                sqlalchemy.text(f"create table {self._name(stream)} ({columns})")
            )

    def _upsert(self, stream: str, rows: Mapping[str, str]) -> None:
        query = sqlalchemy.text(_UPSERT.format(self._name(stream)))
        pairs = [{"key": key, "record": record} for key, record in rows.items()]
        self._connection.execute(query, pairs)

    def _name(self, stream: str) -> str:
        return f'"{self._prefix}_{stream}"'

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Give a table's records."""
        if stream not in self._held:
            return []
        query = sqlalchemy.text(f"select record from {self._name(stream)}")  # noqa: S608 - ours
        found = self._connection.execute(query).scalars()
        return [read_line(text.encode())["record"] for text in found]

    @property
    def size(self) -> int:
        """How many rows there are."""
        return sum(map(len, self._held.values()))
