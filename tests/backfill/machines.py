"""Two machines that share only a ledger, and somebody who kills what runs on them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev.layout import executable

__all__ = ["Fleet", "command", "descendants", "environment"]

_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")
_QUIET = {"TAP_CALLGEAR_LOGLEVEL": "WARNING", "TARGET_POSTGRES_LOGLEVEL": "ERROR"}


def environment(home: Path, **extra: str) -> dict[str, str]:
    """Give a process nothing of ours that could point it elsewhere."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "HOME": str(home), **_QUIET, **extra}


def command(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `tap-backfill` to its end."""
    return subprocess.run(
        [executable("tap-backfill"), *words],
        check=False, cwd=folder, env=environment(folder), capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip


def descendants(pid: int) -> dict[int, str]:
    """Give the processes below a process, with the last word of their programs."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                stat = (entry / "stat").read_text()
                parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(
                    int(entry.name)
                )
    found, todo = {}, [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            with suppress(OSError):
                words = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
                found[child] = " ".join(Path(word).name for word in words)
                todo.append(child)
    return found


@dataclass
class Fleet:
    """Workers, each in a working directory of its own; one that died is started again.

    Attributes:
        job: The job file.
        folder: Below which the workers' folders are.
        names: The workers.
        kills: What was killed, in order: `worker`, `tap`, `target`.
    """

    job: Path
    folder: Path
    names: tuple[str, ...]
    seed: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - no secret

    @contextmanager
    def started(self) -> Iterator[None]:
        """Start the workers; end with none left."""
        try:
            for name in self.names:
                self._start(name)
            yield
        finally:
            for process in self.running.values():
                process.kill()
                process.wait()

    def tend(self) -> bool:
        """Start again what has died; say whether every worker found nothing left to do."""
        ended = {name: process.poll() for name, process in self.running.items()}
        for name, code in ended.items():
            if code:
                self.codes.append(code)
                self._start(name)
        return set(ended.values()) == {0}

    def kill_one(self) -> dict[int, str]:
        """Kill a process as the kernel would, of the kind that has met it least; give those below.

        Where none of that kind runs just now, nothing is killed.
        """
        kind = min(("worker", "tap", "target"), key=self.kills.count)
        name = self._chance.choice(self.names)
        worker = self.running[name].pid
        below = descendants(worker)
        if kind == "worker":
            victims = [worker]
        else:
            victims = [pid for pid, words in below.items() if f" {kind}-" in f" {words}"]
        if victims:
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(victims), signal.SIGKILL)
                self.kills.append(kind)
        return below if kind == "worker" and victims else {}

    def _start(self, name: str) -> None:
        home = self.folder / name
        home.mkdir(exist_ok=True)
        with (home / "log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [
                    executable("tap-backfill"), "run", str(self.job), "--worker", name,
                    "--lease", "1.5", "--attempts", "50",
                ],
                cwd=home, env=environment(home), stdout=log, stderr=log,
            )  # fmt: skip

    def said(self) -> str:
        """Give the ends of the workers' logs."""
        return "\n".join((self.folder / name / "log").read_text()[-2000:] for name in self.names)


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Write a JSON file."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
