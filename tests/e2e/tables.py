"""What a warehouse holds, in the form in which the taps emit it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import sqlalchemy
from sqlalchemy.dialects import postgresql

from tests.contract.truth import main_type

__all__ = ["Tables", "column_type"]

_SCALARS = {
    "integer": "BIGINT",
    "number": "NUMERIC",
    "boolean": "BOOLEAN",
    "string": "TEXT",
    "object": "JSONB",
}
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_FORMATS = {"date-time": "TIMESTAMP WITHOUT TIME ZONE", "date": "DATE"}


def column_type(node: Mapping[str, Any]) -> str:
    """Give the PostgreSQL type that a property has to be stored as."""
    if main_type(node) == "array":
        return column_type(node["items"]) + "[]"
    return _FORMATS.get(node.get("format", "")) or _SCALARS[main_type(node)]


class Tables:
    """The tables of one schema of a warehouse.

    Args:
        url: The warehouse's SQLAlchemy URL.
        schema: The schema.
    """

    def __init__(self, url: str, schema: str) -> None:
        """Keep the arguments."""
        self.url, self.schema = url, schema

    @contextmanager
    def _connected(self) -> Iterator[sqlalchemy.Connection]:
        engine = sqlalchemy.create_engine(self.url)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def types(self) -> dict[str, dict[str, str]]:
        """Give table -> column -> type, without the columns that the loader adds."""
        with self._connected() as connection:
            inspector = sqlalchemy.inspect(connection)
            columns = inspector.get_multi_columns(schema=self.schema)
            return {
                table: {
                    column["name"]: column["type"].compile(_DIALECT)
                    for column in found
                    if not column["name"].startswith("_sdc_")
                }
                for (_, table), found in columns.items()
            }

    def keys(self) -> dict[str, set[str]]:
        """Give table -> columns of its primary key."""
        with self._connected() as connection:
            found = sqlalchemy.inspect(connection).get_multi_pk_constraint(schema=self.schema)
            return {table: set(key["constrained_columns"]) for (_, table), key in found.items()}

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Give a table's rows as the tap emitted them."""
        query = sqlalchemy.select(sqlalchemy.text("*")).select_from(
            sqlalchemy.table(table, schema=self.schema)
        )
        with self._connected() as connection:
            found = connection.execute(query).mappings().all()
        return [
            {name: _emitted(value) for name, value in row.items() if not name.startswith("_sdc_")}
            for row in found
        ]


def _emitted(value: Any) -> Any:
    """Give instants and dates as text; the rest is as it was."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value
