"""Fixtures for tests of tap-dixa."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.dixa.bench import Bench, Run, serve

OpenBench = Callable[..., Bench]


@pytest.fixture
def dixa() -> Iterator[OpenBench]:
    """Serve imitated organisations until the test ends."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(serve(**options))


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    """An organisation that nobody changes."""
    with serve() as served:
        yield served


@pytest.fixture(scope="session")
def full(bench: Bench) -> Run:
    """A run of all its streams, in small pages."""
    run = bench.run(page_size=7)
    assert run.error is None, run.said("ERROR")
    return run
