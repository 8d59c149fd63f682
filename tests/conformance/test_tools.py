"""Tools that nobody here wrote take every tap's full output."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import Output
from tests.contract.runner import Run
from tests.sandbox.client_environments import KEPT, client_python

pytestmark = [pytest.mark.slow, pytest.mark.network]

Command = list[str | Path]


def fed(command: Command, messages: Path) -> subprocess.CompletedProcess[str]:
    """Run a tool of an environment of its own with a tap's messages as its input."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    with messages.open("rb") as lines:
        return subprocess.run(
            [str(part) for part in command],
            check=False, stdin=lines, capture_output=True, text=True, timeout=120,
            env={**environment, "TZ": "UTC"},
        )  # fmt: skip


@pytest.fixture(scope="session")
def check_tap() -> Command:
    return [client_python("singer-tools", "singer-tools==0.4.1").with_name("singer-check-tap")]


@pytest.fixture(scope="session")
def stitch(tmp_path_factory: pytest.TempPathFactory) -> Command:
    config = tmp_path_factory.mktemp("stitch") / "config.json"
    config.write_text(json.dumps({"client_id": 1, "token": "x", "disable_collection": True}))
    program = client_python("target-stitch", "target-stitch==4.0.3").with_name("target-stitch")
    return [program, "-c", config, "--dry-run"]


@pytest.fixture(scope="session")
def reader() -> Command:
    python = client_python("singer-python", "singer-python==6.8.0")
    return [python, Path(__file__).with_name("reader.py")]


def counts(run: Run) -> Counter[str]:
    return Counter(message["type"] for message in run.messages)


def without_null_objects(value: Any) -> Any:
    """Leave members that are null out of nested objects and records.

    singer-check-tap 0.4.1 looks for date-times inside an object that is null, and dies of it.
    """
    if isinstance(value, dict):
        return {k: without_null_objects(v) for k, v in value.items() if v is not None}
    return [without_null_objects(item) for item in value] if isinstance(value, list) else value


def test_singer_check_tap(output: Output, check_tap: Command, tmp_path: Path) -> None:
    lenient = tmp_path / "messages.jsonl"
    with lenient.open("w") as lines:
        for line in output.run.lines:
            message = json.loads(line)
            if message["type"] == "RECORD":
                message["record"] = without_null_objects(message["record"])
            lines.write(json.dumps(message) + "\n")
    done = fed(check_tap, lenient)
    assert done.returncode == 0, done.stderr[-3000:]
    found = counts(output.run)
    said = done.stdout + done.stderr
    assert f"{found['RECORD']} record messages" in " ".join(said.split()), said[-3000:]


def test_target_stitch(output: Output, stitch: Command) -> None:
    done = fed(stitch, output.messages)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Batch is valid" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == json.loads(output.run.lines[-1])["value"]


def test_singer_python(output: Output, reader: Command) -> None:
    done = fed([*reader, output.messages, output.catalog], output.messages)
    assert done.returncode == 0, done.stderr[-3000:]
    found = counts(output.run)
    told = dict(line.split() for line in done.stdout.splitlines())
    assert told == {
        "RecordMessage": str(found["RECORD"]),
        "SchemaMessage": str(found["SCHEMA"]),
        "StateMessage": str(found["STATE"]),
    }


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """Messages of which one is wrong, so that it is known that the tools look."""
    schema = {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}}
    lines = [
        {"type": "SCHEMA", "stream": "x", "schema": schema, "key_properties": ["at"]},
        {"type": "RECORD", "stream": "x", "record": {"at": 5}},
    ]
    path = tmp_path / "spoilt.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("tool", ["check_tap", "stitch"])
def test_the_tools_do_find_faults(tool: str, spoilt: Path, request: pytest.FixtureRequest) -> None:
    assert fed(request.getfixturevalue(tool), spoilt).returncode != 0
