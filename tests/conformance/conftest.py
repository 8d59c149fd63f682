"""The full output of every installed tap, in files, as other people's tools read it."""

from __future__ import annotations

import fcntl
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.bench import serve
from tests.contract.interface import facts
from tests.contract.runner import Run, installed_taps


@dataclass(frozen=True)
class Output:
    """A tap's run of all streams.

    Attributes:
        name: The tap, without `tap-`.
        run: The run.
        messages: The file with its messages.
        catalog: The file with what discovery gave.
    """

    name: str
    run: Run
    messages: Path
    catalog: Path

    def keys(self, stream: str) -> tuple[str, ...]:
        """Give a stream's primary key."""
        return tuple(facts(self.name, stream).keys)

    @property
    def incremental(self) -> list[str]:
        """The streams that keep a watermark, those with most records first."""
        found = [name for name in self.run.streams if facts(self.name, name).replication_key]
        return sorted(found, key=lambda name: (-len(self.run.records(name)), name))


@pytest.fixture(scope="session", params=installed_taps())
def output(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Run one tap over all its streams; once for all processes of a test session."""
    name: str = request.param
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / f"output-{name}"
    folder.mkdir(exist_ok=True)
    messages, catalog = folder / "messages.jsonl", folder / "catalog.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not catalog.exists():
            with serve(name, folder) as bench:
                run = bench.run()
                assert run.code == 0, run.stderr
                messages.write_bytes(b"".join(line + b"\n" for line in run.lines))
                catalog.write_text(json.dumps(bench.catalog()))
    return Output(name, Run(0, messages.read_bytes().splitlines(), ""), messages, catalog)
