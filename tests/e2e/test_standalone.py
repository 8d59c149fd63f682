"""The README's commands, word for word."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.layout import ROOT, VENV, executable
from tests.contract.bench import Bench, serve
from tests.e2e.pipeline import KEPT
from tests.sandbox.client_environments import client_python

README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture
def callgear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with serve("callgear", tmp_path_factory.mktemp("callgear")) as served:
        yield served


def block(word: str, language: str) -> str:
    """Give the README's code block that holds a word."""
    parts = README.split(f"```{language}\n")[1:]
    return next(code for part in parts if word in (code := part.partition("```")[0]))


def at_hand(folder: Path) -> str:
    """Put the taps and target-jsonl where a shell finds them; give the path."""
    loader = client_python("target-jsonl", "target-jsonl==0.1.4").with_name("target-jsonl")
    for program in (Path(executable("tap-callgear")), loader):
        (folder / program.name).symlink_to(program)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.slow
@pytest.mark.network
def test_the_readmes_pipe_and_state_files(callgear: Bench, tmp_path: Path) -> None:
    shown = json.loads(block('"access_token"', "json"))
    config = {**shown, **callgear.open_config}
    (tmp_path / "config.json").write_text(json.dumps(config))
    programs = tmp_path / "bin"
    programs.mkdir()
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        ["/bin/sh", "-ec", block("--discover > catalog.json", "sh")],
        check=False, capture_output=True, text=True, cwd=tmp_path, timeout=120,
        env={**environment, "PATH": at_hand(programs), "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]

    catalog = json.loads((tmp_path / "catalog.json").read_text())
    assert {entry["tap_stream_id"] for entry in catalog["streams"]} == set(callgear.streams)
    first = json.loads((tmp_path / "state.json").read_text())["bookmarks"]
    last = json.loads((tmp_path / "state.out").read_text().splitlines()[-1])["bookmarks"]
    for stream in (name for name in callgear.streams if callgear.facts(name).selected):
        lines = lines_of(tmp_path, stream)
        found = {callgear.identity(stream, row) for row in lines}
        assert found == callgear.truth(stream).keys(), stream
        if callgear.facts(stream).replication_key:
            assert len(found) < len(lines) < 2 * len(found), stream
            marks = [state[stream]["replication_key_value"] for state in (first, last)]
            assert marks[0] < marks[1], stream
        else:
            assert len(lines) == 2 * len(found), stream


def lines_of(folder: Path, stream: str) -> list[dict[str, Any]]:
    """Give the records that target-jsonl appended over both runs."""
    files = [p for p in folder.glob("*.jsonl") if p.name.partition("-")[0] == stream]
    return [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]


@pytest.mark.slow
@pytest.mark.network
def test_a_clone_syncs_with_one_command_and_then_reads_little() -> None:
    # The home folder is kept for uv's cache: this is about the commands, not about downloads.
    environment = {name: os.environ[name] for name in (*KEPT, "HOME") if name in os.environ}
    # Not below pytest's folder: that one is closed to the server's account when tests run as root.
    with tempfile.TemporaryDirectory(prefix="clone-test-") as folder:
        checkout = Path(folder) / "checkout"
        subprocess.run(
            [str(shutil.which("git")), "clone", "-q", str(ROOT), str(checkout)], check=True
        )
        said = []
        for _ in range(2):
            done = subprocess.run(
                [python_without_packages(), "run.py", "sync", "callgear"],
                check=False, capture_output=True, text=True, cwd=checkout, timeout=240,
                env=environment,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            said.append(done.stdout)
    assert "Setting up .venv" in said[0]
    assert "Setting up .venv" not in said[1]
    for text in said:
        assert "No credentials in the environment or .env" in text
        assert "tap-callgear  calls " in text
    read, held = (int(word.replace(",", "")) for word in numbers(said[0]))
    again, still = (int(word.replace(",", "")) for word in numbers(said[1]))
    assert read == held == still > 1000
    assert again < held / 3


def numbers(text: str) -> tuple[str, str]:
    """Give the rows read and held of a sync's last line."""
    words = next(line for line in text.splitlines() if line.startswith("Read ")).split()
    return words[1], words[words.index("holds") + 1]


def python_without_packages() -> str:
    """Give the Python that the environment was made from."""
    if Path(sys.prefix) == VENV:
        return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    return sys.executable
