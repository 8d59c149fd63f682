from __future__ import annotations

import gzip
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from singer_sdk import Tap
from singer_sdk.streams.core import Stream

from contact_sandbox import Server
from tests.contract.forked import Process
from tests.shared.tiny import DAYS, KEY, SITES, Tiny, TinyTap

ROOT = Path(__file__).parents[2]
END = "2024-01-11T00:00:00.000000Z"
ROWS = DAYS * 24


class Run:
    """One run of the tap in a process of its own."""

    def __init__(self, code: int, out: bytes, said: str) -> None:
        self.code = code
        self.said = said
        self.lines = [json.loads(line) for line in out.split(b"\n")[:-1]]
        assert not out or out.endswith(b"\n")

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [
            line["record"]
            for line in self.lines
            if line["type"] == "RECORD" and line["stream"] == stream
        ]

    @property
    def state(self) -> dict[str, Any]:
        states: list[dict[str, Any]] = [
            line["value"] for line in self.lines if line["type"] == "STATE"
        ]
        bookmarks: dict[str, Any] = states[-1].get("bookmarks", {})
        return bookmarks

    @property
    def errors(self) -> list[str]:
        assert "Traceback" not in self.said
        assert KEY not in self.said
        return [line for line in self.said.splitlines() if "| ERROR" in line]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


class Bench:
    """A vendor and the files that a run needs."""

    def __init__(self, folder: Path, vendor: Tiny, server: Server) -> None:
        self.folder = folder
        self.vendor = vendor
        self.server = server

    def start(self, *more: str, **changed: Any) -> subprocess.Popen[bytes]:
        """Start it in an interpreter of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.shared.tiny", *self._options(changed), *more],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), cwd=self.folder,
        )  # fmt: skip

    def run(self, *more: str, **changed: Any) -> Run:
        """Run it in a fork."""
        program = "from tests.shared.tiny import TinyTap; TinyTap.cli()"
        with Process(
            "tests.shared.tiny", ["-c", program, *self._options(changed), *more],
            env=environment(), cwd=self.folder,
        ) as process:  # fmt: skip
            out, said = process.communicate()
        assert not self.server.errors
        return Run(process.wait(), out, said.decode())

    def _options(self, changed: dict[str, Any]) -> list[str]:
        config = {**self.vendor.settings(self.server.url("tiny")), **changed}
        return ["--config", self.file("config.json", config)]

    def file(self, name: str, content: Any) -> str:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)


Open = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_bench(**options: Any) -> Bench:
            vendor = Tiny(**options)
            return Bench(tmp_path, vendor, stack.enter_context(Server([vendor])))

        yield open_bench


def test_a_sound_run_ends_with_0_and_the_state_at_the_upper_bound(bench: Open) -> None:
    run = bench().run()
    assert (run.code, run.errors) == (0, [])
    assert [record["id"] for record in run.records("calls")] == list(range(ROWS))
    assert len(run.records("visits")) == ROWS * len(SITES)
    assert len(run.records("things")) == 3
    assert run.state["calls"]["replication_key_value"] == END
    parts = run.state["visits"]["partitions"]
    assert [(p["context"]["site"], p["replication_key_value"]) for p in parts] == [
        (site, END) for site in SITES
    ]
    assert run.lines[-1]["type"] == "STATE"


def test_a_bookmark_ahead_of_the_clock_is_told(bench: Open) -> None:
    """A run whose clock was decades ahead wrote it: the next ones would be silent for as long."""
    opened, ahead = bench(), "2199-01-01T00:00:00.000000Z"
    parts = [{"context": {"site": "a"}, "replication_key_value": ahead}]
    marks = {"calls": {"replication_key_value": ahead}, "visits": {"partitions": parts}}
    run = opened.run("--state", opened.file("state.json", {"bookmarks": marks}))
    assert run.code == 0
    told = [line for line in run.said.splitlines() if "ahead of this machine's clock" in line]
    assert len(told) == 2
    assert f"Stream 'calls': its bookmark, {ahead}, lies" in told[0]
    assert f"Stream 'visits' (site a): its bookmark, {ahead}, lies" in told[1]
    sound = opened.run("--state", opened.file("state.json", {"bookmarks": {}}))
    assert "ahead of" not in sound.said


def test_a_stream_that_fails_leaves_the_others_alone(bench: Open) -> None:
    run = bench(refused={"/calls": (400, "2024-01-05")}).run()
    assert run.code == 1
    assert len(run.records("calls")) == 4 * 24
    assert run.state["calls"]["replication_key_value"] == "2024-01-05T00:00:00.000000Z"
    assert len(run.records("visits")) == ROWS * len(SITES)
    assert len([line for line in run.errors if "Stream 'calls'" in line]) == 1


@pytest.mark.parametrize("status", [400, 403, 413, 299], ids=str)
def test_a_partition_that_fails_leaves_the_others_alone(bench: Open, status: int) -> None:
    run = bench(refused={"/visits/b": (status, "2024-01-03")}).run()
    assert run.code == 1
    seen = [record["site"] for record in run.records("visits")]
    assert (seen.count("a"), seen.count("b"), seen.count("c")) == (ROWS, 48, ROWS)
    marks = {
        part["context"]["site"]: part["replication_key_value"]
        for part in run.state["visits"]["partitions"]
    }
    assert marks == {"a": END, "b": "2024-01-03T00:00:00.000000Z", "c": END}
    assert len(run.records("things")) == 3
    assert len([line for line in run.errors if "Stream 'visits' (site b)" in line]) == 1


def test_what_the_vendor_refuses_may_be_left_out(bench: Open) -> None:
    run = bench(refused={"/visits/b": (403, "")}).run(skip_unavailable=True)
    assert (run.code, run.errors) == (0, [])
    assert "left out" in run.said


def test_wrong_credentials_end_the_run_with_2_in_one_line(bench: Open) -> None:
    run = bench().run(api_key="sandbox-wrong-key")
    assert run.code == 2
    assert len(run.errors) == 1
    assert "make a new one" in run.errors[0]
    assert not run.records("calls")


def test_credentials_that_die_end_the_run_with_1_and_the_state(bench: Open) -> None:
    run = bench(refused={"/calls": (401, "2024-01-04")}).run()
    assert run.code == 1
    assert run.state["calls"]["replication_key_value"] == "2024-01-04T00:00:00.000000Z"
    assert not run.records("visits")
    assert len(run.errors) == 1


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"start_date": "soon"}, "start_date"),
        ({"api_key": "key\nX-Evil: 1"}, "api_key|credential"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"page_size": None}, "page_size"),
        ({"window": "999999w", "lookback": "x"}, "lookback"),
    ],
)
def test_a_wrong_setting_ends_the_run_with_2_in_one_line(
    bench: Open, changed: dict[str, Any], name: str
) -> None:
    opened = bench()
    run = opened.run(**changed)
    assert run.code == 2
    assert len(run.errors) == 1
    assert any(word in run.errors[0] for word in name.split("|"))
    assert opened.server.log.entries == []


@pytest.mark.parametrize("option", ["--state", "--catalog"])
@pytest.mark.parametrize("content", ["[]", "{", '"x"', '{"bookmarks": 5, "streams": 5}'])
def test_a_file_that_is_none_ends_the_run_with_2_in_one_line(
    bench: Open, option: str, content: str
) -> None:
    opened = bench()
    run = opened.run(option, opened.file("wrong.json", content))
    assert run.code == 2
    assert len(run.errors) == 1
    assert option.strip("-") in run.errors[0]


@pytest.mark.parametrize("option", ["--state", "--catalog", "--config"])
def test_a_file_that_is_not_there_ends_the_run_with_2_in_one_line(bench: Open, option: str) -> None:
    opened = bench()
    run = opened.run(option, "no-such-file.json")
    assert run.code == 2
    [said] = run.errors
    assert f"'{option.strip('-')}' names a file that cannot be read" in said
    assert "Usage" not in run.said
    assert opened.server.log.entries == []


def test_a_resumed_run_reads_no_more_than_the_lookback(bench: Open) -> None:
    opened = bench()
    first = opened.run(end_date="2024-01-06")
    state = opened.file("state.json", {"bookmarks": first.state})
    second = opened.run("--state", state)
    assert [record["id"] for record in second.records("calls")] == list(range(4 * 24, ROWS))
    assert second.state["calls"]["replication_key_value"] == END


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
@pytest.mark.parametrize("times", [1, 20])
def test_a_signal_leaves_whole_lines_and_the_state(
    bench: Open, signum: signal.Signals, times: int
) -> None:
    process = bench(weight=20_000).start()
    assert process.stdout is not None
    assert process.stderr is not None
    out = os.read(process.stdout.fileno(), 1000)
    for _ in range(times):
        process.send_signal(signum)
        time.sleep(0.02)
    while piece := os.read(process.stdout.fileno(), 50_000):
        out += piece
        time.sleep(0.001)
    said = process.stderr.read().decode()
    process.stdout.close()
    process.stderr.close()
    run = Run(process.wait(10), out, said)
    assert run.code == 128 + signum
    assert run.errors == []
    reached = run.state.get("calls", {}).get("replication_key_value", "2024")
    assert {r["at"] for r in run.records("calls")} >= {
        f"2024-01-01T{hour:02d}:00:00.000000Z" for hour in range(24) if reached > "2024-01-02"
    }


@pytest.mark.parametrize("with_signal", [False, True], ids=["", "and a signal"])
def test_a_target_that_is_gone_is_told_in_one_line(
    bench: Open,
    with_signal: bool,  # noqa: FBT001
) -> None:
    process = bench(weight=20_000).start()
    assert process.stdout is not None
    assert process.stderr is not None
    os.read(process.stdout.fileno(), 10)
    if with_signal:
        process.send_signal(signal.SIGTERM)
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    run = Run(process.wait(20), b"", said)
    assert run.code in ({1, 143} if with_signal else {1})
    assert any("closed the pipe" in line for line in run.errors)


def test_files_hold_the_same_records_as_lines_would_and_come_before_the_state(
    bench: Open, tmp_path: Path
) -> None:
    opened = bench()
    plain = opened.run()
    storage = {"root": f"file://{tmp_path}/batches"}
    batch = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": storage,
             "batch_size": 50}  # fmt: skip
    (tmp_path / "batches").mkdir()
    run = opened.run(batch_config=batch)
    assert (run.code, run.errors) == (0, [])
    found: dict[str, list[Any]] = {"calls": [], "visits": [], "things": []}
    newest = ""
    for line in run.lines:
        if line["type"] == "BATCH":
            for name in line["manifest"]:
                text = gzip.decompress(Path(name.removeprefix("file://")).read_bytes()).decode()
                found[line["stream"]] += [json.loads(row) for row in text.splitlines()]
            newest = max((r["at"] for r in found["calls"]), default="")
        elif line["type"] == "STATE" and "calls" in line["value"].get("bookmarks", {}):
            reached = line["value"]["bookmarks"]["calls"].get("replication_key_value", "")
            due = [r["id"] for r in plain.records("calls") if r["at"] < reached]
            assert len(found["calls"]) >= len(due), (newest, reached)
    for stream, records in found.items():
        assert records == plain.records(stream)
    assert run.state == plain.state


@pytest.mark.parametrize("with_catalog", [False, True], ids=["", "with a catalog"])
def test_stream_maps_and_flattening_keep_working(
    bench: Open,
    with_catalog: bool,  # noqa: FBT001
) -> None:
    opened = bench()
    more: tuple[str, ...] = ()
    if with_catalog:
        found = opened.start("--discover").communicate(timeout=30)[0]
        more = ("--catalog", opened.file("catalog.json", found.decode()))
    run = opened.run(
        *more,
        stream_maps={"calls": {"double": "n * 2 if n else None", "text": None}},
        flattening_enabled=True,
        flattening_max_depth=2,
    )
    assert (run.code, run.errors) == (0, [])
    record = run.records("calls")[1]
    assert record["double"] == 10
    assert "text" not in record
    assert record["who__age"] == 30
    schema = next(line["schema"] for line in run.lines if line.get("stream") == "calls")
    for one in run.records("calls"):
        assert set(one) <= set(schema["properties"])
        assert json.loads(one["_extra"])["new"] == one["id"]


def test_selection_reaches_into_objects(bench: Open) -> None:
    opened = bench()
    process = opened.start("--discover")
    catalog = json.loads(process.communicate(timeout=30)[0])
    for entry in catalog["streams"]:
        for one in entry["metadata"]:
            at = one["breadcrumb"]
            one["metadata"]["selected"] = entry["tap_stream_id"] == "calls" and at not in (
                ["properties", "who", "properties", "name"],
                ["properties", "text"],
                ["properties", "id"],
            )
    run = opened.run("--catalog", opened.file("catalog.json", catalog))
    assert {line["stream"] for line in run.lines if line["type"] != "STATE"} == {"calls"}
    record = run.records("calls")[0]
    assert record["who"] == {"age": 30}
    assert "text" not in record
    assert record["id"] == 0


@pytest.mark.parametrize("limit", [1, 30])
def test_a_dry_run_reads_a_few_records_and_leaves_the_state_alone(
    bench: Open, limit: int, capfd: pytest.CaptureFixture[str]
) -> None:
    opened = bench()
    tap = TinyTap(config=opened.vendor.settings(opened.server.url("tiny")))
    assert tap.run_sync_dry_run(limit)
    tap.message_writer.flush()
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    counts = [line["stream"] for line in lines if line["type"] == "RECORD"]
    assert counts.count("calls") == limit
    assert counts.count("visits") == limit
    assert counts.count("things") == min(3, limit)
    tap.gate.stop()


def test_the_record_interface_of_the_sdk_gives_records_and_no_lines(
    bench: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    opened = bench()
    tap = TinyTap(config=opened.vendor.settings(opened.server.url("tiny")))
    records = list(tap.streams["calls"].get_records(None))
    assert len(records) == ROWS
    assert capfd.readouterr().out == ""
    assert tap.state.get("bookmarks", {}).get("calls", {}).get("replication_key_value") is None
    tap.gate.stop()


def test_the_private_parts_of_the_sdk_that_we_stand_on_are_as_they_were() -> None:
    assert version("singer-sdk").startswith("0.54."), "see what the new SDK has changed first"
    theirs = {
        (Stream, "_sync_records"): ["self", "context", "write_messages"],
        (Stream, "_sync_batches"): ["self", "batch_config", "context"],
        (Stream, "_generate_schema_messages"): ["self"],
        (Tap, "_handle_termination"): ["self", "signum", "frame"],
        (Tap, "sync_all"): ["self"],
        (Tap, "invoke"): ["about", "about_format", "config", "state", "catalog"],
        (Tap, "load_state"): ["self", "state"],
    }
    for (owner, name), arguments in theirs.items():
        assert list(inspect.signature(getattr(owner, name)).parameters) == arguments, name
    assert "self._sync_records(context=context)" in inspect.getsource(Stream.sync)
    assert "self._sync_batches(batch_config, context=context)" in inspect.getsource(Stream.sync)
