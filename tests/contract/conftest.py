"""One imitated vendor for each tap, and the runs that many tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from contact_sandbox import Faults, Server
from tests.contract.bench import Bench, serve
from tests.contract.runner import Background, Run, installed_taps

OpenBench = Callable[..., Bench]


@pytest.fixture(scope="session", params=installed_taps())
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """Serve one tap's vendor, whose data nobody changes."""
    name: str = request.param
    with serve(name, tmp_path_factory.mktemp(name)) as served:
        yield served


@pytest.fixture
def another(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBench]:
    """Serve further vendors of the same kind for one test, with options of their own."""
    with ExitStack() as stack:

        def open_bench(**options: Any) -> Bench:
            folder = tmp_path_factory.mktemp(bench.name)
            return stack.enter_context(serve(bench.name, folder, **options))

        yield open_bench


@pytest.fixture(scope="session")
def full(bench: Bench) -> Run:
    """A run of all streams from the start, one request at a time."""
    run = bench.run({**bench.config, "max_concurrency": 1})
    assert run.code == 0, run.stderr
    return run


@pytest.fixture(scope="session")
def unreliable(bench: Bench) -> Iterator[tuple[Server, Background]]:
    """Start a run against the same vendor behind a wire where a quarter of the requests fail.

    Eight requests at a time, at the most talkative level.
    """
    with Server([bench.vendor], faults=Faults(rate=0.25, seed=7)) as server:
        config = {**bench.at(server), "max_concurrency": 8}
        background = bench.tap.start(config, catalog=bench.catalog(), level="DEBUG")
        yield server, background
        background.stop()


@pytest.fixture(scope="session")
def talkative(bench: Bench, unreliable: tuple[Server, Background]) -> Run:
    """The unreliable run when it has ended, its server's address replaced by the reliable one's."""
    server, background = unreliable
    run = background.wait()
    assert run.code == 0, run.stderr[-3000:]
    assert not server.errors
    assert {entry.fault for entry in server.log.entries} > {None, "429", "reset"}
    here, there = (each.url(bench.name).encode() for each in (bench.server, server))
    return replace(run, lines=[line.replace(there, here) for line in run.lines])
