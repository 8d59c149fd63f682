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
from tests.contract.runner import ROOT, Run

HURRIED = """
import sys
from tap_shared.progress import Progress
from tap_callgear.tap import TapCallGear
Progress.interval = 0.1
TapCallGear.cli(args=sys.argv[1:])
"""
HEADS = ("rows", "requests", "retries", "waited s", "undeclared", "bookmark", "outcome")
STREAMS = ("calls", "campaign_daily_stats", "chats", "tags")


@pytest.fixture(scope="module")
def callgear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Serve CallGear, which refuses the chats."""
    refused = frozenset({"get.chats_report"})
    with serve("callgear", tmp_path_factory.mktemp("callgear"), forbidden=refused) as served:
        yield served


def structured() -> str:
    """Give the configuration of structured logs that the documentation shows."""
    page = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    return page.partition("SINGER_SDK_LOG_CONFIG")[2].split("```yaml\n")[1].partition("```")[0]


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
    assert rows["stream"] == list(HEADS)
    assert rows["chats"][0] == "0"
    assert rows["chats"][-2:] == ["-", "failed"]
    for name in ("calls", "campaign_daily_stats", "tags"):
        assert rows[name][0] == f"{len(run.records(name)):,}"
        assert rows[name][-1] == "ok"
    assert run.state is not None
    marks = run.state["bookmarks"]
    assert rows["calls"][5] == marks["calls"]["replication_key_value"].replace(".000000Z", "Z")
    assert rows["campaign_daily_stats"][5].endswith("(earliest of 3)")
    assert rows["tags"][5] == "-"
    unknown = {name for record in run.records("calls") for name in record.get("_extra") or {}}
    assert rows["calls"][4] == f"{len(unknown)}"
    assert unknown
    assert rows["tags"][4] == "0"
    requests = [entry for entry in callgear.server.log.entries if entry.vendor == "callgear"]
    assert sum(int(rows[name][1]) for name in STREAMS) == len(requests)


def test_the_last_line_repeats_what_failed_and_why(callgear: Bench) -> None:
    run = callgear.run(catalog=callgear.catalog(*STREAMS))
    first, last = run.said("ERROR")
    assert run.stderr.splitlines()[-1] == last
    said = first.partition("Stream ")[2]
    assert said.startswith("'chats': ")
    assert last.endswith(f"1 of 4 streams failed. {said}")


def test_nothing_is_said_twice_and_nothing_that_says_nothing(callgear: Bench) -> None:
    run = callgear.run(catalog=callgear.catalog("calls", "tags"))
    told = [line.split("| ", 3)[3] for line in run.said("INFO")]
    assert told[0].startswith("tap-callgear v")
    assert told[1].startswith("Reading [")
    assert told[2].startswith("stream  ")
    assert len(told) == len(set(told)) == 3 + 2


def test_undeclared_fields_are_warned_of_where_personal_data_is_hidden(callgear: Bench) -> None:
    hidden = {"pii": "drop"}
    configs = [hidden, {**hidden, "undeclared_fields": "drop"}, {"undeclared_fields": "keep"}]
    catalog = callgear.catalog("tags")
    runs = callgear.tap.many(
        [callgear.tap.arguments({**callgear.config, **each}, catalog=catalog) for each in configs]
    )
    warned = [[line for line in run.said("WARNING") if "personal data" in line] for run in runs]
    assert [len(lines) for lines in warned] == [1, 0, 0]
    assert "undeclared_fields" in warned[0][0]


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
            callgear.config, 3, signal.SIGTERM, catalog=callgear.catalog("calls", "tags")
        )
    assert run.code == 143
    assert summary(run)["calls"][-1] == "stopped"
    assert summary(run)["tags"] == ["0", "0", "0", "0", "0", "-", "not reached"]


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
    lines = [line for line in hurried(callgear) if "Stream 'calls' up to " in line]
    assert len(lines) > 2
    assert all("| INFO " in line and "rows/s, " in line for line in lines)
    assert any("left." in line for line in lines)


def test_structured_logs_carry_the_same_figures(callgear: Bench, tmp_path: Path) -> None:
    config = tmp_path / "logging.yml"
    config.write_text(structured())
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
    assert last["undeclared_fields"] == ["hold_duration"]
    assert last["requests"] > 0
