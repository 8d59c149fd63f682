"""`docs/hostile.md` names tests that exist, and every case that there is."""

from __future__ import annotations

import re

import pytest

from tests.contract.runner import ROOT
from tests.hostile.rows import ROWS, Row
from tests.hostile.vendors import DIALECTS, WIRE

LISTED = re.compile(
    r"^\| (.+?) \| (.+?) \| .+ \| `(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)` \|$", re.MULTILINE
)
TABLE = LISTED.findall((ROOT / "docs" / "hostile.md").read_text("utf-8"))


@pytest.mark.parametrize(("file", "test"), sorted({found[2:] for found in TABLE}))
def test_every_test_that_the_table_names_exists(file: str, test: str) -> None:
    assert f"def {test}(" in (ROOT / file).read_text("utf-8")


def where(row: Row) -> str:
    """Say in which ways of reading a row is tried, as the table does."""
    named = {tuple(DIALECTS): "all ways", WIRE: "all taps"}
    return named.get(tuple(row.where)) or ", ".join(f"tap-{name}" for name in row.where)


def test_the_table_has_every_case_and_says_where_it_is_tried() -> None:
    listed = [
        (what, tried)
        for what, tried, _, test in TABLE
        if test == "test_it_ends_bounded_and_plainly"
    ]
    assert sorted(listed) == sorted((what, where(row)) for what, row in ROWS.items())
