"""The benchmarks' server gives each tap every row once, and so does the floor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.contestants import PEERS, Scene
from tests.benchmarks.measure import Peer, Wrong, check, run, serve
from tests.benchmarks.shapes import SHAPES, Rows

ROWS = 750


@pytest.mark.parametrize("tap", SHAPES)
def test_everyone_gets_every_row_once(tap: str, tmp_path: Path) -> None:
    with serve(tap, ROWS) as served:
        for peer, in_flight in (("limit", 1), ("limit", 8), ("ours", 8)):
            check(PEERS[peer](Scene(served, 100, tmp_path, in_flight)), served)


def test_a_peer_that_leaves_rows_out_is_found_out(tmp_path: Path) -> None:
    with serve("callgear", 50) as served:
        whole = PEERS["limit"](Scene(served, 20, tmp_path))
        for spoilt in ("[:-1]", "* 2"):
            script = (
                "import subprocess, sys; said = subprocess.check_output(sys.argv[1:])\n"
                f"sys.stdout.buffer.writelines(said.splitlines(keepends=True){spoilt})"
            )
            command = [whole.command[0], "-c", script, *whole.command]
            with pytest.raises(Wrong, match="gave"):
                check(Peer("spoilt", command, whole.record), served)


def test_requests_above_the_limit_are_refused_and_counted(tmp_path: Path) -> None:
    with serve("callgear", 400, latency=0.01, rate=5) as served:
        found = run(PEERS["limit"](Scene(served, 30, tmp_path, 4)), served)
    answered = 14
    assert found.requests == answered + found.refused
    assert found.refused > 0
    assert found.rows == 400
    assert found.wall > (answered - 5) / 5


@pytest.mark.parametrize("tap", SHAPES)
def test_a_window_holds_the_rows_of_its_time(tap: str) -> None:
    rows = Rows(SHAPES[tap], 333)
    ends = [rows.between(*window) for window in rows.shape.windows()]
    assert [first for first, _ in ends[1:]] == [last for _, last in ends[:-1]]
    assert (ends[0][0], ends[-1][1]) == (0, 333)
    for (first, last), (start, _) in zip(ends, rows.shape.windows(), strict=True):
        day = f"{start:%Y-%m-%d}".encode()
        assert all(
            f'"{rows.shape.time}":"'.encode() + day in row for row in rows.rendered[first:last]
        )


def test_what_one_tap_is_told_of_the_rate_no_other_is(tmp_path: Path) -> None:
    with serve("callgear", 50) as served:
        peers = [PEERS["ours"](Scene(served, 20, tmp_path, 8, rate)) for rate in (10, 0)]
        told, untold = (json.loads(Path(peer.command[4]).read_text("utf-8")) for peer in peers)
    assert told.pop("requests_per_minute") == 600
    assert told == untold
