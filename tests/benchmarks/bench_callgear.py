"""CallGear's calls: about a hundred fields a row, windows and offsets with a total."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.conftest import Sizes
from tests.benchmarks.contestants import cookiecutter, floor, ours
from tests.benchmarks.measure import race, serve, table
from tests.benchmarks.shapes import SHAPES

SHAPE = SHAPES["callgear"]
IN_FLIGHT = 8

pytestmark = pytest.mark.timeout(0)


def test_where_the_processor_is_the_limit(sizes: Sizes, tmp_path: Path) -> None:
    with serve("callgear", sizes.rows) as served:
        peers = [
            floor(SHAPE, served, 1000),
            cookiecutter(SHAPE, served, 1000, tmp_path),
            ours(SHAPE, served, 1000, tmp_path, max_concurrency=1),
            ours(SHAPE, served, 1000, tmp_path, max_concurrency=4),
            ours(SHAPE, served, 5000, tmp_path),
        ]
        found = race(peers, served, sizes.rounds)
    table(f"{sizes.rows} rows, no latency, pages of 1,000 (the last: 5,000)", found, "limit")


def test_where_latency_is_the_limit(sizes: Sizes, tmp_path: Path) -> None:
    with serve("callgear", 10_000, latency=0.3) as served:
        peers = [
            floor(SHAPE, served, 100, IN_FLIGHT),
            ours(SHAPE, served, 100, tmp_path, max_concurrency=IN_FLIGHT),
        ]
        found = race(peers, served, max(1, sizes.rounds - 1))
    table("10,000 rows in 100 pages, 300 ms a request", found, f"limit-conc ({IN_FLIGHT})")


def test_where_the_vendor_allows_ten_requests_a_second(sizes: Sizes, tmp_path: Path) -> None:
    several = {"max_concurrency": IN_FLIGHT}
    with serve("callgear", 10_000, latency=0.3, rate=10) as served:
        peers = [
            ours(SHAPE, served, 100, tmp_path, **several, requests_per_minute=600),
            ours(SHAPE, served, 100, tmp_path, **several),
        ]
        found = race(peers, served, max(1, sizes.rounds - 1))
    table("the same with 10 requests/s, declared and learned", found, next(iter(found)))


def test_memory_does_not_grow_with_the_rows(sizes: Sizes, tmp_path: Path) -> None:
    peaks = {}
    for rows in (sizes.most // 10, sizes.most):
        with serve("callgear", rows) as served:
            peer = ours(SHAPE, served, 1000, tmp_path, max_concurrency=1)
            peaks[rows] = next(iter(race([peer], served, 1).values())).peak
    told = ", ".join(f"{rows} rows {peak:.0f} MB" for rows, peak in peaks.items())
    print(f"\nPeak memory, one page of 1,000 in flight: {told}")  # noqa: T201
