"""The full output of every installed tap, in files, as other people's tools read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.bench import Bench, serve
from tests.contract.runner import Run, installed_taps


@dataclass(frozen=True)
class Output:
    """A tap's run of all streams.

    Attributes:
        bench: Tap and vendor.
        run: The run.
        messages: The file with its messages.
        catalog: The file with what discovery gave.
    """

    bench: Bench
    run: Run
    messages: Path
    catalog: Path


@pytest.fixture(scope="session", params=installed_taps())
def output(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Output]:
    """Run one tap over all its streams."""
    folder = tmp_path_factory.mktemp(request.param)
    with serve(request.param, folder) as bench:
        run = bench.run()
        assert run.code == 0, run.stderr
        messages, catalog = folder / "messages.jsonl", folder / "catalog.json"
        messages.write_bytes(b"".join(line + b"\n" for line in run.lines))
        catalog.write_text(json.dumps(bench.catalog()))
        yield Output(bench, run, messages, catalog)
