"""What a run tells about itself: lines now and then, and a table at its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contact_sandbox import Faults
from tests.contract.bench import Bench, serve
from tests.contract.runner import Run

HURRIED = """
import sys
from tap_shared.progress import Progress
from tap_callgear.tap import TapCallGear
Progress.interval = 0.1
TapCallGear.cli(args=sys.argv[1:])
"""
STRUCTURED = """
version: 1
disable_existing_loggers: false
formatters:
  json:
    (): singer_sdk.logging.StructuredFormatter
handlers:
  console:
    class: logging.StreamHandler
    formatter: json
    stream: ext://sys.stderr
root:
  level: INFO
  handlers: [console]
"""
STREAMS = ("calls", "campaign_daily_stats", "chats", "tags")


@pytest.fixture(scope="module")
def callgear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Serve CallGear, which refuses the chats."""
    refused = frozenset({"get.chats_report"})
    with serve("callgear", tmp_path_factory.mktemp("callgear"), forbidden=refused) as served:
        yield served


def summary(run: Run) -> dict[str, list[str]]:
    """Give the table's lines by stream, split at two spaces or more."""
    told = [line.split("| ", 3)[3] for line in run.said("INFO")]
    start = next(i for i, line in enumerate(told) if line.startswith("stream  "))
    rows = [[cell for cell in line.split("  ") if cell] for line in told[start:]]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def test_a_run_ends_with_a_table(callgear: Bench) -> None:
    callgear.server.log.clear()
    run = callgear.run(catalog=callgear.catalog(*STREAMS))
    assert run.code == 1
    rows = summary(run)
    assert set(rows) == {"stream", *STREAMS}
    assert rows["chats"][0] == "0"
    assert rows["chats"][-2:] == ["-", "failed"]
    for name in ("calls", "campaign_daily_stats", "tags"):
        assert rows[name][0] == f"{len(run.records(name)):,}"
        assert rows[name][-1] == "ok"
    assert run.state is not None
    marks = run.state["bookmarks"]
    assert rows["calls"][4] == marks["calls"]["replication_key_value"]
    assert rows["campaign_daily_stats"][4].endswith("(earliest of 3)")
    assert rows["tags"][4] == "-"
    requests = [entry for entry in callgear.server.log.entries if entry.vendor == "callgear"]
    assert sum(int(rows[name][1]) for name in STREAMS) == len(requests)


def test_what_is_left_out_is_said(callgear: Bench) -> None:
    config = {**callgear.config, "skip_unavailable": True}
    run = callgear.run(config, catalog=callgear.catalog(*STREAMS))
    assert run.code == 0, run.stderr
    assert summary(run)["chats"][-1] == "left out"


def test_retries_and_waits_are_counted(callgear: Bench) -> None:
    callgear.server.faults = Faults(rate=0.4, seed=7)
    try:
        run = callgear.run(catalog=callgear.catalog("calls", "tags"))
    finally:
        callgear.server.faults = Faults()
    assert run.code == 0, run.stderr
    rows = summary(run)
    assert sum(int(rows[name][2]) for name in ("calls", "tags")) > 0


def test_a_stopped_run_has_its_table_too(callgear: Bench) -> None:
    with callgear.slow(0.05):
        run = callgear.tap.stop(
            callgear.config, 3, signal.SIGTERM, catalog=callgear.catalog("calls")
        )
    assert run.code == 143
    assert summary(run)["calls"][-1] == "stopped"


def hurried(callgear: Bench, **more: str) -> list[str]:
    """Give the log of a run that tells its progress ten times a second."""
    config = {**callgear.config, "max_concurrency": 1}
    arguments = callgear.tap.arguments(config, catalog=callgear.catalog("calls"))
    with callgear.slow(0.1):
        done = subprocess.run(
            [sys.executable, "-c", HURRIED, *arguments],
            check=False, capture_output=True, text=True, timeout=60,
            env={**callgear.tap.environment(), **more},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_a_line_now_and_then_says_how_far_it_is(callgear: Bench) -> None:
    lines = [line for line in hurried(callgear) if "rows/s" in line]
    assert len(lines) > 2
    assert all("| INFO " in line and "Stream 'calls' up to " in line for line in lines)
    assert any("left." in line for line in lines)


def test_structured_logs_carry_the_same_figures(callgear: Bench, tmp_path: Path) -> None:
    config = tmp_path / "logging.yml"
    config.write_text(STRUCTURED)
    entries = [json.loads(line) for line in hurried(callgear, SINGER_SDK_LOG_CONFIG=str(config))]
    found: list[dict[str, Any]] = [
        {**entry["extra"], "stream": entry["stream_name"]}
        for entry in entries
        if "outcome" in entry["extra"]
    ]
    running = [figures for figures in found if figures["outcome"] == "running"]
    assert running
    assert all(figures["rows_per_second"] >= 0 and figures["reached"] for figures in running)
    [last] = [figures for figures in found if figures.get("summary")]
    assert last["stream"] == "calls"
    assert last["outcome"] == "ok"
    assert last["rows"] == len(callgear.truth("calls"))
    assert last["requests"] > 0
