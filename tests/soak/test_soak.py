"""The short version of `python3 run.py soak`: a day of syncs every six hours, for each tap."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.runner import installed_taps
from tests.soak.mutations import MUTATIONS
from tests.soak.simulation import Plan, soak
from tests.soak.tables import IN_MEMORY

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", installed_taps())
def test_nothing_is_lost_under_fire(name: str, tmp_path: Path) -> None:
    found = soak(name, Plan(runs=5, hours=6, seed=4), tmp_path, IN_MEMORY)
    assert not any(found.wrong.values()), found.wrong
    assert found.runs == 5
    assert found.faults > 20
    assert found.kills + found.stops
    assert found.rows > 100


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_it_finds_what_is_wrong(mutation: str, tmp_path: Path) -> None:
    plan = Plan(runs=8, hours=6, seed=1, mutation=mutation)
    found = soak("interactions", plan, tmp_path, IN_MEMORY)
    assert found.lost or found.stale
