"""A large page is never held as one body."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.infinity.running import serve

ROOT = Path(__file__).resolve().parents[2]
MOST = 100 << 20


def run_calls(folder: Path, settings: dict[str, object]) -> tuple[int, int, int]:
    """Extract the calls in a process of its own; give exit code, records and peak bytes."""
    members = [ROOT / "shared", ROOT / "sandbox", ROOT / "tap-infinity"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, members))}
    command = [sys.executable, "-m", "tap_infinity", "--config", str(folder / "config.json")]
    (folder / "config.json").write_text(json.dumps(settings))
    found = subprocess.run(
        [*command, "--discover"], env=environment, check=True, capture_output=True
    )
    catalog = json.loads(found.stdout)
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = entry["tap_stream_id"] == "calls"
    (folder / "catalog.json").write_text(json.dumps(catalog))
    with (folder / "log").open("wb") as log, subprocess.Popen(
        [*command, "--catalog", str(folder / "catalog.json")],
        env=environment, stdout=subprocess.PIPE, stderr=log,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        count = peak = 0
        watched = psutil.Process(process.pid)
        for line in process.stdout:
            count += line.startswith(b'{"type":"RECORD"')
            if count % 500 == 0:
                with suppress(psutil.Error):  # it may have ended by now
                    peak = max(peak, watched.memory_info().rss)
    return process.returncode, count, peak


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_does_not_grow_with_the_pages(tmp_path: Path) -> None:
    calls = 1_000_000 if os.environ.get("LARGE") else 101_000
    with serve(calls=calls, days=90) as site:
        settings = {**site.server.settings("infinity"), "page_size": 50_000, "igrp_ids": [101]}
        code, count, peak = run_calls(tmp_path, settings)
        assert code == 0, (tmp_path / "log").read_text()[-2000:]
        sizes = {query["limit"][0] for query in site.requests("/triggers/calls")}
        assert sizes == {"1", "50000"}, "the highest rowId, and pages"
    assert count >= calls - 600
    assert 0 < peak < MOST, f"{peak >> 20} MiB"
