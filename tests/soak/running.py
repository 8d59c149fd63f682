"""A tap that is started again and again, quickly, at any moment, and ended in any way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

from tests.contract.runner import ROOT, Tap

__all__ = ["Ended", "Forked"]


class Ended(NamedTuple):
    """What a run left: exit code, whole lines, standard error, and the most memory in MiB."""

    code: int
    lines: list[bytes]
    stderr: str
    mebibytes: int


class Forked:
    """Starts a tap in forks of one process; see `forked.py`.

    Args:
        tap: The tap.
        arguments: Given at every start.
        level: What it logs.
        mutation: A flaw to build in, of `mutations.py`.
    """

    def __init__(self, tap: Tap, *arguments: str, level: str = "INFO", mutation: str = "") -> None:
        """Import the tap once."""
        self._folder, self._arguments = tap.folder, arguments
        environment = tap.environment(level)
        environment["PYTHONPATH"] += os.pathsep + str(ROOT)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.forked", tap.module, mutation], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tap.folder,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the process."""
        self._process.communicate(timeout=30)

    def run(self, arguments: Sequence[str], now: datetime, **fate: Any) -> Ended:
        """Run once.

        Args:
            arguments: Given on top.
            now: What the tap's clock shows.
            fate: A `signal`, and when it is sent: after so many `lines` or `seconds`.
        """
        out, err = self._folder / "out", self._folder / "err"
        job = {"arguments": [*self._arguments, *arguments], "now": now.isoformat(),
               "out": str(out), "err": str(err), **fate}  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        code, kibibytes = map(int, self._process.stdout.readline().split())
        lines = [x for x in out.read_bytes().splitlines(keepends=True) if x.endswith(b"\n")]
        return Ended(code, lines, err.read_text("utf-8", "replace"), kibibytes >> 10)
