"""Infinity's calls at the vendor's largest page: memory must not follow the page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.infinity.running import serve
from tests.infinity.test_memory import MOST, run_calls

CALLS = 1_000_000

pytestmark = pytest.mark.timeout(0)


def test_a_million_calls_at_fifty_thousand_a_page(tmp_path: Path) -> None:
    with serve(calls=CALLS, days=90) as site:
        settings = {**site.server.settings("infinity"), "page_size": 50_000, "igrp_ids": [101]}
        code, count, peak = run_calls(tmp_path, settings)
    sys.stdout.write(f"\n{count:,} calls, 50,000 a page: peak {peak >> 20} of {MOST >> 20} MiB\n")
    assert code == 0
    assert count >= CALLS - 600
    assert 0 < peak < MOST
