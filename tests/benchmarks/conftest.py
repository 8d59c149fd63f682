"""Sizes of the benchmarks: small by default, `--full` for figures to quote."""

from __future__ import annotations

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        rows: Rows where the processor is the limit.
        rounds: Rounds that count, after one that warms up.
        most: Rows of the larger run where memory is measured.
    """

    rows: int
    rounds: int
    most: int


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("benchmarks")
    group.addoption("--full", action="store_true", help="200,000 rows, 5 rounds")
    group.addoption("--rows", type=int, help="rows where the processor is the limit")
    group.addoption("--rounds", type=int, help="rounds that count")


@pytest.fixture(scope="session")
def sizes(request: pytest.FixtureRequest) -> Sizes:
    full = request.config.getoption("--full")
    rows = request.config.getoption("--rows") or (200_000 if full else 30_000)
    rounds = request.config.getoption("--rounds") or (5 if full else 2)
    return Sizes(rows, rounds, 500_000 if full else 100_000)
