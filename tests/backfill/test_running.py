"""One slice through taps and targets that are small scripts, each with a way to go wrong."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tap_shared.backfill.job import Job, read_job
from tap_shared.backfill.running import SliceFailed, SliceRun
from tap_shared.backfill.slices import Slice, Track
from tap_shared.errors import SettingRefused
from tap_shared.windows import Window

WHOLE = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 9, tzinfo=UTC))
END = "2025-01-09T00:00:00.000000Z"
HALF = "2025-01-05T00:00:00.000000Z"
CATALOG: dict[str, Any] = {
    "streams": [
        {
            "tap_stream_id": "calls", "replication_key": "at", "key_properties": ["igrp", "id"],
            "metadata": [{"breadcrumb": [], "metadata": {}}],
        },
        {"tap_stream_id": "users", "metadata": [{"breadcrumb": [], "metadata": {}}]},
    ]
}  # fmt: skip
EMIT = """
import json, os, signal, sys, time
def say(**line): print(json.dumps(line), flush=True)
def row(at): say(type="RECORD", stream="calls", record={"id": 1, "at": at, "n": {"at": "9"}})
def mark(value, context=None):
    found = {"replication_key": "at", "replication_key_value": value}
    parts = {"partitions": [{"context": context, **found}]} if context else found
    say(type="STATE", value={"bookmarks": {"calls": parts}})
"""
KEEP = "import sys; open({!r}, 'wb').write(sys.stdin.buffer.read())"


def script(path: Path, body: str) -> str:
    path.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return f"./{path.name}"


def run_of(folder: Path, tap: str, target: str = "", partition: tuple[Any, ...] = ()) -> SliceRun:
    content = {
        "tap": script(folder / "tap-infinity", EMIT + tap), "ledger": "ledger",
        "target": script(folder / "target", target or KEEP.format(str(folder / "loaded"))),
        "start_date": "2025-01-01", "end_date": "2025-01-09", "streams": ["calls"],
        "accounts": {"north": {"config": []}},
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(content), encoding="utf-8")
    job = read_job(str(folder / "job.json"))
    return SliceRun(job, Slice(Track("tap-infinity", "calls", "north", partition), WHOLE), CATALOG)


def test_a_slice_that_ends_well_is_entered_whole(tmp_path: Path) -> None:
    run = run_of(tmp_path, f"row('2025-01-03'); row('2025-01-02'); mark('{END}')")
    window, entry = run.run()
    assert window == WHOLE
    assert (entry.rows, entry.least, entry.most) == ({"calls": 2}, "2025-01-02", "2025-01-03")
    assert not entry.is_cut
    assert len((tmp_path / "loaded").read_bytes().splitlines()) == 3


@pytest.mark.parametrize("fate", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(1)"])
def test_a_tap_that_dies_is_entered_as_far_as_its_bookmark(tmp_path: Path, fate: str) -> None:
    half_a_line = 'sys.stdout.write(\'{"type": "REC\'); sys.stdout.flush()'
    run = run_of(tmp_path, f"row('2025-01-03'); mark('{HALF}'); {half_a_line}; {fate}")
    window, entry = run.run()
    assert window == Window(WHOLE.start, datetime(2025, 1, 5, tzinfo=UTC))
    assert entry.is_cut
    assert [json.loads(line) for line in (tmp_path / "loaded").read_bytes().splitlines()]


def test_a_slice_is_cut_when_it_takes_too_long_or_is_stopped(tmp_path: Path) -> None:
    stopping = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143));"
    run = run_of(tmp_path, f"{stopping} mark('{HALF}'); time.sleep(60)")
    assert run.run(longest=1.5)[1].is_cut
    run = SliceRun(run.job, run.piece, CATALOG)
    threading.Timer(1.5, run.stop).start()
    assert run.run()[1].is_cut


@pytest.mark.parametrize(
    ("tap", "target", "why"),
    [
        (
            f"row('2025-01-03'); mark('{END}')",
            "import sys; sys.stdin.read(); sys.exit(3)",
            "with 3",
        ),
        (f"mark('{END}'); time.sleep(1)\nwhile True: row('x' * 9999)", "", "stopped reading"),
        ("row('2025-01-03'); sys.exit(1)", "", "ended with 1"),
        ("row('2025-01-03')", "", "no bookmark"),
        ("mark('2025-01-01T00:00:00Z')", "", "not complete so late"),
        (f"mark('{HALF}', {{'igrp': 12}}); sys.exit(1)", "", "ended with 1"),
    ],
)
def test_what_is_not_certain_is_not_entered(
    tmp_path: Path, tap: str, target: str, why: str
) -> None:
    closes = "import sys; sys.stdin.readline()"
    run = run_of(tmp_path, tap, closes if why == "stopped reading" else target)
    with pytest.raises(SliceFailed, match=why):
        run.run()


def test_a_pinned_partition_tells_for_itself_after_a_failure(tmp_path: Path) -> None:
    tap = f"mark('{HALF}', {{'igrp': 12}}); sys.exit(1)"
    window, entry = run_of(tmp_path, tap, partition=(("igrp", 12),)).run()
    assert window.end == datetime(2025, 1, 5, tzinfo=UTC)
    assert entry.reaches[0].context == {"igrp": 12}


def test_the_tap_is_pinned_whatever_its_variables_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_INFINITY_START_DATE", "1999-01-01")
    monkeypatch.setenv("TAP_INFINITY_USER_AGENT", "kept")
    seen = tmp_path / "seen.json"
    tap = f"""
args = [json.load(open(name)) for name in sys.argv[2::2]]
taken = {{k: v for k, v in os.environ.items() if k.startswith("TAP_")}}
json.dump([*args, taken], open({str(seen)!r}, "w"))
mark('{END}', {{'igrp': 12}})
"""
    run_of(tmp_path, tap, partition=(("igrp", 12),)).run()
    pins, catalog, taken = json.loads(seen.read_text())
    assert pins == {
        "start_date": "2025-01-01T00:00:00.000000Z", "end_date": END, "igrp_ids": [12],
    }  # fmt: skip
    assert [entry["selected"] for entry in catalog["streams"]] == [True, False]
    assert taken == {"TAP_INFINITY_USER_AGENT": "kept"}


def test_streams_are_sliced_by_partition_only_where_their_rows_have_it() -> None:
    job = _job(streams=["calls", "users"], partitions=[{"igrp": 1}, {"igrp": 2}])
    found = [(t.stream, dict(t.context)) for t in job.tracks("north", CATALOG)]
    assert found == [("calls", {"igrp": 1}), ("calls", {"igrp": 2}), ("users", {})]


def _job(streams: list[str], partitions: list[dict[str, int]]) -> Job:
    account = {"partitions": partitions}
    content = {
        "tap": "tap-infinity", "target": "t", "ledger": "l", "start_date": "2025-01-01",
        "end_date": "2025-01-09", "streams": streams, "accounts": {"north": account},
    }  # fmt: skip
    return _read(content)


def _read(content: dict[str, Any]) -> Job:
    import tempfile  # noqa: PLC0415 - one use

    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(content, file)
        file.flush()
        return read_job(file.name)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"end_date": "2024-01-01"}, "end_date"),
        ({"start_date": "soon"}, "start_date"),
        ({"start_date": "2025-01-01T00:00:00.5Z"}, "start_date"),
        ({"streams": []}, "streams"),
        ({"accounts": {}}, "accounts"),
        ({"slice_days": 0}, "slice_days"),
        ({"accounts": {"../x": {}}}, "accounts"),
        ({"accounts": {"a": {"partitions": [{"site_id": 1}]}}}, "accounts.a.partitions"),
        ({"sliced": 1}, "job"),
    ],
)
def test_a_wrong_job_is_refused_by_the_name_of_what_is_wrong(
    change: dict[str, Any], name: str
) -> None:
    good = {
        "tap": "tap-infinity", "target": "t", "ledger": "l", "start_date": "2025-01-01",
        "end_date": "2025-01-09", "streams": ["calls"], "accounts": {"a": {}},
    }  # fmt: skip
    with pytest.raises(SettingRefused, match=name.replace(".", r"\.")):
        _read({**good, **change})
