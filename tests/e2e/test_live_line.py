"""On a terminal a run has a live line, which harms neither the log above it nor the records."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from contact_sandbox import Faults, Reply, Request
from tests.contract.bench import Bench, serve
from tests.contract.runner import read_line
from tests.e2e.test_progress import structured

COLUMNS = 100
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d [\d:,]{12} \| (INFO|WARNING|ERROR) +\| tap-\S+ +\| \S.*")
SHOWS_RICH = """
import atexit, sys
from tap_callgear.tap import TapCallGear
atexit.register(lambda: print("rich" in sys.modules, file=sys.stderr))
TapCallGear.cli(args=sys.argv[1:])
"""


@pytest.fixture(scope="module")
def callgear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Serve CallGear, a little slowly, with a fault now and then."""
    with serve("callgear", tmp_path_factory.mktemp("callgear")) as served:
        served.server.latency = 0.05
        served.server.faults = Faults(rate=0.1, seed=3, kinds=("503",))
        yield served


@dataclass
class Watched:
    """What a run on a terminal left behind.

    Attributes:
        code: The exit code.
        lines: Lines of standard output.
        written: All that went to the terminal.
    """

    code: int
    lines: list[bytes]
    written: str

    @property
    def screen(self) -> list[str]:
        """The lines that a person sees in the end."""
        seen = [""]
        for part in re.split(r"(\r\n|\r|\x1b\[2K|\x1b\[1A)", self.written):
            if part == "\r\n":
                seen.append("")
            elif part == "\x1b[1A":
                assert seen.pop() == ""
            elif part == "\x1b[2K":
                seen[-1] = ""
            elif part != "\r":
                seen[-1] += re.sub(r"\x1b\[\d*m", "", part)
        return seen


def watch(
    bench: Bench,
    environment: Mapping[str, str] | None = None,
    *,
    stops: bool = False,
    is_all: bool = False,
) -> Watched:
    """Run on a terminal that shows standard error, and standard output where `is_all`."""
    config = {**bench.config, "max_concurrency": 1}
    arguments = bench.tap.arguments(config, catalog=bench.catalog("calls", "goals", "tags"))
    leader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", bench.tap.module, *arguments],
        stdin=subprocess.DEVNULL, stdout=terminal if is_all else subprocess.PIPE, stderr=terminal,
        env={**bench.tap.environment(), "TERM": "xterm", **(environment or {})},
    ) as process:  # fmt: skip
        os.close(terminal)
        out: list[bytes] = []
        reader = threading.Thread(target=lambda: out.extend(process.stdout or ()))
        reader.start()
        written = b""
        while block := _block(leader):
            written += block
            if stops and b"left: " in written:
                stops = False
                process.send_signal(signal.SIGINT)
        os.close(leader)
        reader.join()
    return Watched(process.returncode, out, written.decode())


def _block(leader: int) -> bytes:
    """Read some of what is written to a terminal; nothing once nobody has it open."""
    try:
        return os.read(leader, 1 << 16)
    except OSError:
        return b""


def slow_goals(vendor: Any) -> Callable[[Request], Reply]:
    """Let each answer to goals take longer than the line takes to be drawn anew."""
    plain = vendor.handle

    def handle(request: Request) -> Reply:
        if b'"get.goals_report"' in request.body:
            time.sleep(1)
        reply: Reply = plain(request)
        return reply

    return handle


def test_a_live_line_tells_of_each_stream_and_leaves_log_and_records_whole(
    callgear: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callgear.vendor, "handle", slow_goals(callgear.vendor))
    run = watch(callgear)
    assert run.code == 0, run.written
    live = [part.removesuffix("\x1b[0m") for part in run.written.split("\x1b[2m")[1:]]
    assert {line.split()[0].rstrip(":") for line in live if line.strip()} >= {"calls", "goals"}
    told = [line for line in live if " left: " in line]
    assert told
    assert all(re.match(r"(calls|goals) up to \S+Z of \S+Z, about \S+ left: ", s) for s in told)
    assert any("rows/s, " in line for line in live)
    assert all(len(line.partition("\x1b")[0]) < COLUMNS for line in live)
    log, _, rows = "\n".join(run.screen).partition("\nstream  ")
    assert all(LOG_LINE.fullmatch(line) for line in log.splitlines()), run.screen
    assert "try 2 of 8" in log
    assert [line.split()[0] for line in rows.splitlines()[1:]] == ["calls", "goals", "tags"]
    assert all(line.endswith("\n") for line in map(bytes.decode, run.lines))
    messages = [read_line(line) for line in run.lines]
    found = [
        m["record"]["id"] for m in messages if m["type"] == "RECORD" and m["stream"] == "calls"
    ]
    assert len(found) == len(callgear.truth("calls"))


def test_a_stopped_run_takes_its_line_away_and_leaves_the_cursor_visible(callgear: Bench) -> None:
    run = watch(callgear, stops=True)
    assert run.code == 130
    assert "\x1b[?25l" not in run.written
    assert "left: " in run.written
    assert not any("left: " in line for line in run.screen)
    assert any(line.startswith("calls ") and line.endswith("stopped") for line in run.screen)
    assert any(line.startswith("tags ") and line.endswith("not reached") for line in run.screen)
    assert "the state is written" in run.screen[-2]
    assert read_line(run.lines[-1])["type"] == "STATE"


@pytest.mark.parametrize(
    "environment",
    [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}],
    ids=["no colour", "dumb", "records on the terminal"],
)
def test_a_terminal_that_is_not_for_it_gets_plain_lines(
    callgear: Bench, environment: dict[str, str]
) -> None:
    run = watch(callgear, environment, is_all=not environment)
    assert run.code == 0
    assert "\x1b" not in run.written
    assert "| INFO " in run.written


def test_without_a_terminal_nothing_of_it_is_even_loaded(callgear: Bench) -> None:
    arguments = callgear.tap.arguments(callgear.config, catalog=callgear.catalog("tags"))
    for command in (arguments, ["--discover"]):
        done = subprocess.run(
            [sys.executable, "-c", SHOWS_RICH, *command], env=callgear.tap.environment(),
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert done.stderr.splitlines()[-1] == "False"
        assert "\x1b" not in done.stderr


def test_structured_logs_stay_structured_on_a_terminal(
    callgear: Bench, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("logging") / "logging.yml"
    file.write_text(structured())
    run = watch(callgear, {"SINGER_SDK_LOG_CONFIG": str(file)})
    assert run.code == 0
    entries = [json.loads(line)["extra"] for line in run.screen if line]
    summary = [entry for entry in entries if entry.get("summary")]
    assert [entry.get("outcome") for entry in summary] == [None, "ok", "ok", "ok"]
