"""target-snowflake on fakesnow, which stands in for Snowflake; runs in an environment of its own.

The loader's own DDL, type map, ALTER and MERGE statements run, translated to DuckDB by fakesnow.
What fakesnow has not is replaced here: a stage of files (PUT, REMOVE, file formats), reading it in
a MERGE, and SEQ8(). So those, COPY, and whatever only the service does (its limits, roles,
warehouses) are not proved by this.

Reads lines `{"schema": ..., "messages": path}`; after each load prints what the schema then holds,
or `{"refused": why}`.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import fakesnow  # type: ignore[import-not-found]
import snowflake.connector  # type: ignore[import-not-found]
from sqlalchemy import text
from target_snowflake.connector import SnowflakeConnector  # type: ignore[import-not-found]
from target_snowflake.target import TargetSnowflake  # type: ignore[import-not-found]

staged: dict[str, list[str]] = {}


def put(_: Any, sync_id: str, files: Iterable[str]) -> None:
    """Keep the files' paths, in place of PUT."""
    staged[sync_id] = [unquote(urlsplit(url).path) for url in files]


def remove(_: Any, sync_id: str) -> None:
    """Forget the files, in place of REMOVE."""
    del staged[sync_id]


def merge(self: Any, *, sync_id: str, file_format: str, **table: Any) -> int:
    """Run the loader's own MERGE, its source first made a table of rows read from the files."""
    made, _ = self._get_merge_from_stage_statement(
        sync_id=sync_id, file_format=file_format, **table
    )
    stage = f"'@~/target-snowflake/{sync_id}'(file_format => {file_format})"
    assert stage in made.text
    statement = made.text.replace(stage, "WH.STAGES.FILES").replace("$1:", "LINE:")
    head, _, rest = statement.replace("SEQ8()", "SEQ").partition(" using (")
    source, _, tail = rest.partition(") s on ")
    with self._connect() as connection, connection.begin():
        duck = connection.connection.dbapi_connection._duck_conn
        read = "select row_number() over () as SEQ, json as LINE from read_ndjson_objects(?)"
        duck.execute(f"create or replace table WH.STAGES.FILES as {read}", [staged[sync_id]])
        [count] = duck.execute("select count(*) from WH.STAGES.FILES").fetchone()
        connection.execute(text("use schema WH.STAGES"))
        connection.execute(text(f"create or replace table WH.STAGES.ROWS as {source}"))
        connection.execute(text(f"{head} using WH.STAGES.ROWS s on {tail}"))
    return int(count)


def replaced() -> None:
    """Replace what fakesnow has not."""
    for name, stand_in in {
        "put_batches_to_stage": put,
        "remove_staged_files": remove,
        "merge_from_stage": merge,
        "create_file_format": lambda *_, **__: None,
        "drop_file_format": lambda *_, **__: None,
    }.items():
        assert hasattr(SnowflakeConnector, name)
        setattr(SnowflakeConnector, name, stand_in)


def load(order: Mapping[str, str]) -> None:
    """Load a file of messages into a schema."""
    config = {
        "account": "sandbox", "user": "sandbox", "password": "sandbox", "database": "WH",
        "default_target_schema": order["schema"], "add_record_metadata": False,
        "validate_records": False,  # that records keep to their schemas, other tools' tests show
    }  # fmt: skip
    target = TargetSnowflake(config=config)
    target.max_parallelism = 1  # fakesnow's connections share one that is busy with one call
    with Path(order["messages"]).open(encoding="utf-8") as lines, redirect_stdout(io.StringIO()):
        target.listen(lines)


def held(cursor: Any, schema: str) -> dict[str, Any]:
    """Give table -> its columns, with their types, and its rows."""
    columns = "select table_name, column_name, data_type from WH.information_schema.columns"
    found = cursor.execute(f"{columns} where table_schema = '{schema.upper()}'").fetchall()
    tables: dict[str, Any] = {}
    for table, column, kind in found:
        tables.setdefault(table, {"columns": {}})["columns"][column] = kind
    for table, content in tables.items():
        query = f'select to_json(row_) from WH.{schema}."{table}" row_'  # noqa: S608 - names of our own
        rows = cursor._duck_conn.execute(query)
        content["rows"] = [json.loads(row) for (row,) in rows.fetchall()]
    return tables


def main() -> None:
    """Load what is ordered, until there is nothing more."""
    replaced()
    with fakesnow.patch():
        snowflake.connector.connect().cursor().execute("create database WH")
        cursor = snowflake.connector.connect(database="WH").cursor()
        cursor.execute("create schema WH.STAGES")
        for line in sys.stdin:
            order = json.loads(line)
            try:
                load(order)
                answer = held(cursor, order["schema"])
            except NotImplementedError as refused:
                answer = {"refused": str(refused)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
