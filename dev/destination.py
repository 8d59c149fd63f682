"""Where a sync loads to: what the loader needs, how state is told apart, what is there already."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy

from dev.layout import OUTPUT, ROOT, WAREHOUSE, executable, package_of
from dev.problem import Problem
from dev.warehouse import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Answer = TypeVar("Answer")

POSTGRES_URL = "TARGET_POSTGRES_SQLALCHEMY_URL"
SNOWFLAKE_NEEDS = ("TARGET_SNOWFLAKE_ACCOUNT", "TARGET_SNOWFLAKE_USER", "TARGET_SNOWFLAKE_DATABASE")
SNOWFLAKE_KEYS = tuple(
    f"TARGET_SNOWFLAKE_{name}" for name in ("PASSWORD", "PRIVATE_KEY", "PRIVATE_KEY_PATH")
)


class Destination(ABC):
    """A place to load to.

    Attributes:
        loader: The Meltano plugin.
        title: What it is, for people, without secrets.
        identity: Tells this place from others: state belongs to the place whose rows it describes.
    """

    loader: str
    title: str
    identity: str

    def environment(self, tap: str, *, sandbox: bool) -> dict[str, str]:
        """Return the loader's environment; the sandbox's rows go beside the vendors', not among."""
        variable = f"{package_of(self.loader).upper()}_DEFAULT_TARGET_SCHEMA"
        return {variable: schema_of(tap, sandbox=sandbox)} if sandbox else {}

    def place(self, tap: str, *, sandbox: bool) -> str:
        """Return where the tap's rows go, for people."""
        return f"schema {schema_of(tap, sandbox=sandbox)}"

    @abstractmethod
    def rows(self, tap: str, *, sandbox: bool) -> dict[str, int] | None:
        """Return the number of rows of each of the tap's streams, or None where nobody knows."""


class Postgres(Destination):
    """A PostgreSQL server.

    Args:
        url: Its SQLAlchemy URL.
        title: What it is, for people.
        identity: Tells it from others.
    """

    loader = "target-postgres"

    def __init__(self, url: str, title: str, identity: str) -> None:
        """Keep the arguments."""
        self.url, self.title, self.identity = url, title, identity

    def check(self) -> None:
        """Connect once.

        Raises:
            Problem: The server is not there or refuses.
        """
        try:
            self._query(lambda _: None)
        except sqlalchemy.exc.SQLAlchemyError as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise Problem(f"{self.title} cannot be used: {reason}", 2) from None

    def environment(self, tap: str, *, sandbox: bool) -> dict[str, str]:
        """Add the URL."""
        return {**super().environment(tap, sandbox=sandbox), POSTGRES_URL: self.url}

    def rows(self, tap: str, *, sandbox: bool) -> dict[str, int]:
        """Count the rows of every table in the tap's schema."""
        schema = schema_of(tap, sandbox=sandbox)

        def count(connection: sqlalchemy.Connection) -> dict[str, int]:
            found = {}
            for name in sqlalchemy.inspect(connection).get_table_names(schema=schema):
                table = sqlalchemy.table(name, schema=schema)
                query = sqlalchemy.select(sqlalchemy.func.count()).select_from(table)
                found[name] = int(connection.execute(query).scalar_one())
            return found

        return self._query(count)

    def _query(self, ask: Callable[[sqlalchemy.Connection], Answer]) -> Answer:
        """Return the answer of a question put over a connection of its own."""
        engine = sqlalchemy.create_engine(self.url)
        try:
            with engine.connect() as connection:
                return ask(connection)
        finally:
            engine.dispose()


class Snowflake(Destination):
    """The Snowflake account of the environment; its loader has an environment of its own."""

    loader = "target-snowflake"
    title = "Snowflake"

    def __init__(self, variables: dict[str, str]) -> None:
        """Check that what the loader needs is set.

        Raises:
            Problem: Something is not set.
        """
        missing = [name for name in SNOWFLAKE_NEEDS if not variables.get(name)]
        if not any(variables.get(name) for name in SNOWFLAKE_KEYS):
            missing.append(" or ".join(SNOWFLAKE_KEYS))
        if missing:
            raise Problem(f"Snowflake needs {', '.join(missing)} in the environment or .env.", 2)
        self.identity = _hash(variables[SNOWFLAKE_NEEDS[0]], variables[SNOWFLAKE_NEEDS[2]])

    def rows(self, tap: str, *, sandbox: bool) -> None:
        """Say that nobody counted: a count would start a warehouse that costs money."""


class Jsonl(Destination):
    """Files under `output/<tap>/`, one a stream, appended to."""

    loader = "target-jsonl"
    title = "files output/<tap>/<stream>.jsonl"

    def __init__(self) -> None:
        """Find out whether the files of earlier runs are still there."""
        self.identity = _note(OUTPUT / ".id")

    def place(self, tap: str, *, sandbox: bool) -> str:
        """Return the tap's folder; the sandbox's lines have no other."""
        del sandbox
        return f"output/{tap}/"

    def environment(self, tap: str, *, sandbox: bool) -> dict[str, str]:
        """Make and name the tap's folder."""
        del sandbox
        folder = OUTPUT / tap
        folder.mkdir(parents=True, exist_ok=True)
        return {"TARGET_JSONL_DESTINATION_PATH": str(folder)}

    def rows(self, tap: str, *, sandbox: bool) -> dict[str, int]:
        """Count the lines of the tap's files."""
        del sandbox
        found = {}
        for path in sorted((OUTPUT / tap).glob("*.jsonl")):
            with path.open("rb") as lines:
                found[path.stem] = sum(1 for _ in lines)
        return found


@contextmanager
def destination(kind: str, variables: dict[str, str]) -> Iterator[Destination]:
    """Give the destination `kind` (`postgres`, `snowflake`, `jsonl`), ready to load to."""
    url = variables.get(POSTGRES_URL)
    if kind == "jsonl":
        _install(Jsonl.loader)
        yield Jsonl()
    elif kind == "snowflake":
        account = Snowflake(variables)
        _install(Snowflake.loader)
        yield account
    elif url:
        parts = sqlalchemy.make_url(url)
        title = f"PostgreSQL at {parts.render_as_string(hide_password=True)}"
        target = Postgres(url, title, _hash(parts.host, parts.port, parts.database))
        target.check()
        yield target
    else:
        with EmbeddedPostgres() as server:
            title = "the embedded PostgreSQL (python3 run.py psql opens it)"
            yield Postgres(server.url, title, _note(WAREHOUSE / ".id"))


def schema_of(tap: str, *, sandbox: bool) -> str:
    """Return the database schema that a tap's tables are in."""
    return f"sandbox_{package_of(tap)}" if sandbox else package_of(tap)


def _install(loader: str) -> None:
    """Install a loader that has an environment of its own, unless it is there."""
    if (ROOT / ".meltano" / "loaders" / loader / "venv").is_dir():
        return
    print(f"Installing {loader} into an environment of its own (needed once) ...", flush=True)
    command = [executable("meltano"), "--log-level=warning", "install", "loader", loader]
    done = subprocess.run(command, check=False, cwd=ROOT, env=os.environ)
    if done.returncode:
        raise Problem(f"{loader} could not be installed (see above).")


def _note(path: Path) -> str:
    """Return the identity noted in a folder; a new one where the folder is new."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(4), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _hash(*parts: object) -> str:
    """Return a short name for a place, from which nobody can tell it."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
