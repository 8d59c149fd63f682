# ruff: noqa: T201 - it is a command
"""A month of hourly syncs under fire, into the embedded PostgreSQL; see `simulation.py`.

python3 run.py soak [--tap X] [--days N] [--hours N] [--seed S]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from dev.warehouse import EmbeddedPostgres
from tests.contract.runner import installed_taps
from tests.soak.simulation import Outcome, Plan, soak_aside

_SIDE_BY_SIDE = 2
_SHOWN = 5
_HEAD = (
    f"{'tap':14}{'runs':>6}{'kills':>6}{'stops':>6}{'older':>6}{'faults':>8}{'requests':>9}"
    f"{'records':>9}{'rows':>8}{'re-sent':>8}{'lost':>6}{'stale':>6}{'invented':>9}{'leaked':>7}{'s':>6}"
)


def _line(found: Outcome) -> str:
    wrong = f"{len(found.lost):6}{len(found.stale):6}{len(found.invented):9}{len(found.leaked):7}"
    return (
        f"{found.tap:14}{found.runs:6}{found.kills:6}{found.stops:6}{found.older_states:6}"
        f"{found.faults:8}{found.requests:9}{found.records:9}{found.rows:8}{found.resent:8.0%}"
        f"{wrong}{found.seconds:6.0f}"
    )


def main() -> int:
    """Soak the taps; 1 where a table differs from its source."""
    parser = argparse.ArgumentParser(prog="run.py soak", description=__doc__)
    parser.add_argument("--tap", action="append", help="without tap-; default: all")
    parser.add_argument("--days", type=int, default=30, help="simulated days")
    parser.add_argument("--hours", type=int, default=1, help="simulated hours between two runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pace", type=float, default=1 / 3, help="share of hours with new rows")
    chosen = parser.parse_args()
    plan = Plan(max(2, chosen.days * 24 // chosen.hours), chosen.hours, chosen.seed,
                pace=chosen.pace)  # fmt: skip
    taps = [name.removeprefix("tap-") for name in chosen.tap or installed_taps()]
    folder = Path(tempfile.mkdtemp(prefix="warehouse-soak-"))
    print(_HEAD, flush=True)
    outcomes = []
    with (
        EmbeddedPostgres(folder, durable=False) as server,
        ProcessPoolExecutor(_SIDE_BY_SIDE, mp_context=get_context("spawn")) as pool,
    ):
        for found in pool.map(partial(soak_aside, plan=plan, url=server.url), taps):
            outcomes.append(found)
            print(_line(found), flush=True)
            for name, what in found.wrong.items():
                for one in what[:_SHOWN]:
                    print(f"    {name}: {one}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    return int(any(any(found.wrong.values()) for found in outcomes))


if __name__ == "__main__":
    sys.exit(main())
