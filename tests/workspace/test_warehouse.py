from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy

from dev.destination import Postgres, destination
from dev.layout import ROOT
from dev.problem import Problem
from dev.warehouse import EmbeddedPostgres

KILLED = """
import os, signal, sys
from pathlib import Path
from dev.warehouse import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False).__enter__()
os.kill(os.getpid(), signal.SIGKILL)
"""


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.begin() as connection:
            found = connection.execute(sqlalchemy.text(query))
            return [tuple(row) for row in found] if found.returns_rows else []
    finally:
        engine.dispose()


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a warehouse, 'quoted'")


@pytest.mark.warehouse
def test_rows_survive_a_stop_and_a_killed_command(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False) as server:
        ask(server.url, "create table kept as select 1 as one")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], check=False, cwd=ROOT, env=dict(os.environ)
    )
    assert killed.returncode == -signal.SIGKILL
    with EmbeddedPostgres(folder, durable=False) as server:
        assert ask(server.url, "select one from kept") == [(1,)]


@pytest.mark.warehouse
def test_a_second_command_is_refused(folder: Path) -> None:
    with (
        EmbeddedPostgres(folder, durable=False),
        pytest.raises(Problem, match="in use by another command"),
        EmbeddedPostgres(folder, durable=False),
    ):
        pytest.fail("two commands hold one warehouse")


@pytest.mark.warehouse
def test_rows_are_counted_in_the_taps_schema_only(postgres_url: str) -> None:
    for schema in ("tap_counted", "sandbox_tap_counted"):
        ask(postgres_url, f"create schema {schema}")
    ask(postgres_url, "create table tap_counted.agents as select generate_series(1, 3) as id")
    ask(postgres_url, 'create table sandbox_tap_counted."Odd name" as select 1 as id')
    target = Postgres(postgres_url, "a test", "0")
    assert target.rows("tap-counted", sandbox=False) == {"agents": 3}
    assert target.rows("tap-counted", sandbox=True) == {"Odd name": 1}
    assert target.rows("tap-unknown", sandbox=False) == {}


def test_an_unreachable_postgres_is_one_sentence_without_the_password() -> None:
    url = "postgresql+psycopg://someone:fake-password@127.0.0.1:1/nowhere"
    with (
        pytest.raises(Problem, match="cannot be used") as refused,
        destination("postgres", {"TARGET_POSTGRES_SQLALCHEMY_URL": url}),
    ):
        pytest.fail("nothing listens there")
    assert refused.value.code == 2
    assert "fake-password" not in str(refused.value)


def test_snowflake_names_what_is_missing() -> None:
    given = {"TARGET_SNOWFLAKE_ACCOUNT": "fake", "TARGET_SNOWFLAKE_USER": "fake"}
    with (
        pytest.raises(Problem, match="TARGET_SNOWFLAKE_DATABASE, TARGET_SNOWFLAKE_PASSWORD or"),
        destination("snowflake", given),
    ):
        pytest.fail("nothing to connect to")
