"""`docs/hostile.md` names tests that exist, and every case that there is."""

from __future__ import annotations

import re

import pytest

from tests.contract.runner import ROOT
from tests.hostile.test_hostile import ROWS

LISTED = re.compile(
    r"^\| (.+?) \| .+ \| `(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)` \|$", re.MULTILINE
)
TABLE = LISTED.findall((ROOT / "docs" / "hostile.md").read_text("utf-8"))


@pytest.mark.parametrize(("file", "test"), sorted({(file, test) for _, file, test in TABLE}))
def test_every_test_that_the_table_names_exists(file: str, test: str) -> None:
    assert f"def {test}(" in (ROOT / file).read_text("utf-8")


def test_the_table_has_every_case() -> None:
    listed = [what for what, _, test in TABLE if test == "test_it_ends_bounded_and_plainly"]
    assert sorted(listed) == sorted(ROWS)
