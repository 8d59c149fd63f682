"""Runs taps through `meltano run` into PostgreSQL, in a Meltano project of the test's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dev.layout import MELTANO_FILE, VENV, executable

__all__ = ["KEPT", "Load", "Project"]

KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")
"""What a command gets of our environment: nothing that could point it elsewhere."""

_LONGEST = 120


@dataclass(frozen=True)
class Load:
    """What one `meltano run` left behind: its exit code and the lines of its log."""

    code: int
    lines: list[bytes]

    @cached_property
    def log(self) -> list[dict[str, Any]]:
        """The structured entries of the log."""
        return [json.loads(line) for line in self.lines if line.startswith(b"{")]

    @property
    def text(self) -> str:
        """What went wrong, as people read it."""
        said = (entry for entry in self.log if entry.get("level") in {"warning", "error"})
        return "\n".join(str(entry.get("event", "")) for entry in said)[-3000:]

    @cached_property
    def loaded(self) -> dict[str, int]:
        """Records of each stream that reached the loader."""
        found: dict[str, int] = {}
        for entry in self.log:
            metric = entry.get("metric_info", {})
            if entry.get("consumer") and metric.get("metric") == "record_count":
                stream = metric["tags"]["stream"]
                found[stream] = found.get(stream, 0) + metric["value"]
        return found


class Project:
    """A Meltano project with the checkout's plugins and a state of its own.

    Args:
        folder: An empty folder.
        tap: `tap-callgear` ...
        settings: The tap's settings.
        url: The warehouse's SQLAlchemy URL.
        meltano: Meltano's executable, where it is not the checkout's.
        more: Variables on top.
    """

    def __init__(
        self,
        folder: Path,
        tap: str,
        settings: Mapping[str, Any],
        url: str,
        *,
        meltano: str = executable("meltano"),
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Make the project; nothing runs yet."""
        self.folder, self.tap, self.settings, self._url = folder, tap, settings, url
        self._meltano, self._more = meltano, more
        (folder / "meltano.yml").write_bytes(MELTANO_FILE.read_bytes())
        (folder / ".venv").symlink_to(VENV)

    def run(self, *select: str) -> Load:
        """Run the tap into PostgreSQL to the end, with Meltano's patterns of what to select."""
        process = self._start(select)
        try:
            out, _ = process.communicate(timeout=_LONGEST)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Load(process.returncode, out.splitlines())

    def files(self) -> dict[str, str]:
        """Give what lies in the folder of Meltano: catalogs, logs, settings, and its database."""
        root = self.folder / ".meltano"
        return {
            str(path.relative_to(root)): path.read_bytes().decode("utf-8", "replace")
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    def kill(self, has_begun: Callable[[], bool], after: float, *select: str) -> int:
        """Run, and kill all its processes so many seconds after it began; give the exit code."""
        process = self._start(select)
        last = time.monotonic() + _LONGEST
        while not has_begun() and time.monotonic() < last:
            time.sleep(0.05)
        try:
            process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        return process.returncode

    def _start(self, select: Sequence[str]) -> subprocess.Popen[bytes]:
        # --force: a killed run blocks its successors for five minutes.
        options = ["--log-format=json", "run", "--no-install", "--force"]
        return subprocess.Popen(
            [self._meltano, *options, self.tap, "target-postgres"],
            cwd=self.folder,
            env=self._environment(select),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _environment(self, select: Sequence[str]) -> dict[str, str]:
        prefix = self.tap.replace("-", "_").upper()
        settings = {
            f"{prefix}_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in self.settings.items()
        }
        return {
            **{name: os.environ[name] for name in KEPT if name in os.environ},
            **settings,
            f"{prefix}__SELECT": json.dumps(select),
            "HOME": str(self.folder),
            "TARGET_POSTGRES_SQLALCHEMY_URL": self._url,
            **self._more,
        }
