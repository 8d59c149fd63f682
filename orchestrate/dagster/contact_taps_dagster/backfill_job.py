"""A job of `tap-backfill` as Dagster needs it: what is in its file, and its commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

__all__ = ["BackfillJob", "jobs"]

MISSING = 3


@dataclass(frozen=True)
class BackfillJob:
    """One job file.

    Attributes:
        path: Where it is; every machine must find it there.
        tool: The command `tap-backfill`, with its path where it is not on PATH.
        is_only: Whether no other job has the same tap; else the file's name tells them apart.
    """

    path: str
    tool: str
    is_only: bool = True

    @cached_property
    def content(self) -> dict[str, Any]:
        """The file's content; `tap-backfill` is what checks it."""
        found: dict[str, Any] = json.loads(Path(self.path).read_text(encoding="utf-8"))
        return found

    @property
    def tap(self) -> str:
        """The tap's name."""
        return Path(self.content["tap"]).name

    @property
    def name(self) -> str:
        """What its assets, sensor and schedule are named after."""
        name = self.tap if self.is_only else f"{self.tap}_{Path(self.path).stem}"
        return re.sub(r"\W", "_", name)

    @property
    def accounts(self) -> dict[str, dict[str, Any]]:
        """The accounts by name."""
        found: dict[str, dict[str, Any]] = self.content["accounts"]
        return found

    @property
    def streams(self) -> list[str]:
        """Every stream that an account has."""
        own = (stream for a in self.accounts.values() for stream in a.get("streams", ()))
        return list(dict.fromkeys([*self.content["streams"], *own]))

    @property
    def edges(self) -> tuple[datetime, datetime]:
        """First instant and exclusive end."""
        start, end = (
            datetime.fromisoformat(self.content[name]) for name in ("start_date", "end_date")
        )
        return start.replace(tzinfo=start.tzinfo or UTC), end.replace(tzinfo=end.tzinfo or UTC)

    def command(self, word: str, **of: str) -> list[str]:
        """Give a command line; `start` and `end` are its `--from` and `--to`."""
        names = {"start": "from", "end": "to"}
        options = [f"--{names.get(name, name)}={value}" for name, value in of.items()]
        return [self.tool, word, self.path, *options]

    def lines(self, word: str, **of: str) -> list[dict[str, Any]]:
        """Run a command that prints JSON lines and give them.

        Raises:
            RuntimeError: It failed; its own sentence is the message.
        """
        done = subprocess.run(self.command(word, **of), check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode not in {0, MISSING}:
            raise RuntimeError((done.stderr.strip().splitlines() or ["tap-backfill failed."])[-1])
        return [json.loads(line) for line in done.stdout.splitlines()]


def jobs() -> list[BackfillJob]:
    """Give the jobs that the variable `TAP_BACKFILL_JOBS` names, separated like PATH."""
    tool = os.environ.get("TAP_BACKFILL", "tap-backfill")
    paths = os.environ.get("TAP_BACKFILL_JOBS", "").split(os.pathsep)
    found = [BackfillJob(str(Path(path).resolve()), tool) for path in paths if path]
    taps = [job.tap for job in found]
    return [replace(job, is_only=taps.count(job.tap) == 1) for job in found]
