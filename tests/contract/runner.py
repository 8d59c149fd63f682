"""Runs a tap as its users do: a process of its own, JSON files in, Singer lines out.

The processes are forks of one that has imported the tap, see `forked.py`; where what is tested is
the start of the interpreter, or its memory, tests start one themselves.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from tests.contract.forked import Process

__all__ = [
    "ROOT",
    "Background",
    "Run",
    "Tap",
    "announced",
    "installed_taps",
    "read_line",
    "without_time",
]

ROOT = Path(__file__).resolve().parents[2]
_LONGEST = 240


def installed_taps() -> list[str]:
    """Give the names of the taps that are there, without `tap-`."""
    return sorted(
        path.parents[1].name.removeprefix("tap-") for path in ROOT.glob("tap-*/tap_*/tap.py")
    )


def read_line(line: bytes) -> dict[str, Any]:
    """Read one Singer message; fractions exactly."""
    message: dict[str, Any] = json.loads(line, parse_float=Decimal)
    return message


class Background:
    """A run that goes on while other tests do."""

    def __init__(self, start: Callable[..., Process], folder: Path) -> None:
        """Start it, its output in files."""
        self._out, self._err = folder / "background.out", folder / "background.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = start(stdout=out, stderr=err)

    def wait(self) -> Run:
        """Wait for its end."""
        code = self._process.wait(timeout=_LONGEST)
        return Run(code, self._out.read_bytes().splitlines(), self._err.read_text("utf-8"))

    def stop(self) -> None:
        """End it where nobody waited for it."""
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class Run:
    """What a run left behind: exit code, whole lines of standard output, standard error."""

    code: int
    lines: list[bytes]
    stderr: str

    @cached_property
    def messages(self) -> list[dict[str, Any]]:
        """The messages in order."""
        return [read_line(line) for line in self.lines]

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Give the records of one stream in order."""
        return [
            m["record"] for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream
        ]

    @cached_property
    def streams(self) -> set[str]:
        """Names of the streams that had a schema."""
        return {m["stream"] for m in self.messages if m["type"] == "SCHEMA"}

    @cached_property
    def states(self) -> list[dict[str, Any]]:
        """The values of the STATE messages."""
        return [m["value"] for m in self.messages if m["type"] == "STATE"]

    @property
    def state(self) -> dict[str, Any] | None:
        """The last state; None where there was none."""
        return self.states[-1] if self.states else None

    def said(self, level: str) -> list[str]:
        """Give the log lines of one level."""
        return [line for line in self.stderr.splitlines() if f"| {level} " in line]


class Tap:
    """One installed tap and the files that its runs read.

    Attributes:
        name: Without `tap-`.
        module: What `python -m` runs.
        folder: Where configurations, states and catalogs are put.
        python: The interpreter, whose environment has what the tap depends on.
    """

    def __init__(self, name: str, folder: Path, python: Path | str = sys.executable) -> None:
        """Nothing runs yet."""
        self.python = str(python)
        self.name = name
        self.module = f"tap_{name}"
        self.folder = folder
        self._files = 0

    def environment(self, level: str = "INFO", **more: str) -> dict[str, str]:
        """Give a run's environment: the checkout's packages, and no proxy or home settings."""
        members = [ROOT / "shared", ROOT / "sandbox", ROOT / f"tap-{self.name}"]
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "LC_ALL", "TZ"}}
        return {
            **kept,
            "HOME": str(self.folder),
            "PYTHONPATH": os.pathsep.join(map(str, members)),
            f"TAP_{self.name.upper()}_LOGLEVEL": level,
            **more,
        }

    def file(self, value: Any) -> str:
        """Put a value into a JSON file; a text as it is."""
        self._files += 1
        path = self.folder / f"{self._files}.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value, default=str))
        return str(path)

    def arguments(
        self,
        config: Mapping[str, Any] | None = None,
        *more: str,
        state: Any = None,
        catalog: Any = None,
    ) -> list[str]:
        """Give the command line of a run."""
        given = [("--config", config), ("--state", state), ("--catalog", catalog)]
        files = [
            part for name, value in given if value is not None for part in (name, self.file(value))
        ]
        return [*files, *more]

    def run(
        self,
        config: Mapping[str, Any] | None = None,
        *more: str,
        state: Any = None,
        catalog: Any = None,
        level: str = "INFO",
        environment: Mapping[str, str] | None = None,
        hurries: bool = False,
    ) -> Run:
        """Run to the end; one that hurries waits a fraction of what it would."""
        arguments = self.arguments(config, *more, state=state, catalog=catalog)
        given = {**self.environment(level), **(environment or {})}
        with self.process(arguments, given, hurries=hurries) as process:
            return self._whole(process)

    @staticmethod
    def _whole(process: Process) -> Run:
        out, err = process.communicate(timeout=_LONGEST)
        return Run(process.wait(), out.splitlines(), err.decode())

    def many(self, commands: Sequence[Sequence[str]]) -> list[Run]:
        """Run several command lines, one after the other."""
        return [self._whole(self.process(command, self.environment())) for command in commands]

    def process(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        hurries: bool = False,
        **streams: Any,
    ) -> Process:
        """Start a command line; its output comes through pipes unless told otherwise."""
        command, given = ["-m", self.module], dict(environment)
        if hurries:
            command[1:1] = ["tests.contract.short_waits"]
            given["PYTHONPATH"] += f"{os.pathsep}{ROOT}"
        return Process(
            f"{self.module}.tap", [*command, *arguments], cwd=self.folder, env=given,
            python=self.python, **streams,
        )  # fmt: skip

    def start(self, config: Mapping[str, Any], *, catalog: Any, level: str) -> Background:
        """Run in the background, with short waits."""
        arguments, given = self.arguments(config, catalog=catalog), self.environment(level)
        return Background(partial(self.process, arguments, given, hurries=True), self.folder)

    def stop(
        self,
        config: Mapping[str, Any],
        after: int,
        signum: signal.Signals,
        *,
        state: Any = None,
        catalog: Any = None,
        hurries: bool = False,
    ) -> Run:
        """Run and send a signal once so many lines have been read.

        After SIGKILL only the lines that were whole by then count; after any other signal all that
        was written, which the caller expects to be whole lines.
        """
        arguments = self.arguments(config, state=state, catalog=catalog)
        with self.process(arguments, self.environment(), hurries=hurries) as process:
            errors: list[bytes] = []
            assert process.stdout is not None
            assert process.stderr is not None
            drain = threading.Thread(
                target=lambda out: errors.append(out.read()), args=[process.stderr]
            )
            drain.start()
            lines = [line for line in (process.stdout.readline() for _ in range(after)) if line]
            process.send_signal(signum)
            rest = process.stdout.read()
            code = process.wait(timeout=_LONGEST)
            drain.join()
        whole = [] if signum == signal.SIGKILL else rest.splitlines(keepends=True)
        lines = [
            line for line in [*lines, *whole] if signum != signal.SIGKILL or line[-1:] == b"\n"
        ]
        return Run(code, [line.rstrip(b"\n") for line in lines], b"".join(errors).decode())


_TAIL = b',"time_extracted":"'
_ASKED = re.compile(rb'"queried_at":"[^"]*"')


def without_time(lines: list[bytes]) -> list[bytes]:
    """Cut out when a record was read, which no two runs share."""
    return [
        _ASKED.sub(b"", line.partition(_TAIL)[0]) if b'"type":"RECORD"' in line[:20] else line
        for line in lines
    ]


def announced(run: Run) -> dict[str, Mapping[str, Any]]:
    """Give the schemas of a run's streams."""
    return {m["stream"]: m["schema"] for m in run.messages if m["type"] == "SCHEMA"}
