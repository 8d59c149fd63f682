"""The commands of the READMEs that need nothing but a checkout, word for word."""

from __future__ import annotations

import json
import os
import re
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
from tests.e2e.documented import block, blocks, commands, shell
from tests.sandbox.client_environments import client_python


@pytest.fixture
def callgear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with serve("callgear", tmp_path_factory.mktemp("callgear")) as served:
        yield served


def at_hand(folder: Path) -> str:
    """Put the taps and target-jsonl where a shell finds them; give the path."""
    loader = client_python("target-jsonl", "target-jsonl==0.1.4").with_name("target-jsonl")
    for program in (Path(executable("tap-callgear")), loader):
        (folder / program.name).symlink_to(program)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.slow
@pytest.mark.network
def test_the_readmes_pipe_and_state_files(callgear: Bench, tmp_path: Path) -> None:
    shown = json.loads(block("README.md", '"access_token"', "json"))
    config = {**shown, **callgear.open_config}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (programs := tmp_path / "bin").mkdir()
    said = block("README.md", "--discover > catalog.json")
    shell(said, tmp_path, {"PATH": at_hand(programs)})

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


FIRST, SECOND = "tap-callgear", "tap-interactions"
"""Taps of the clone; the second comes later. What is true of two taps is true of five."""


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(900)  # many programs, one after the other
def test_the_commands_of_a_clone(callgear: Bench) -> None:
    """Every command of run.py that the READMEs show, but for the tests themselves."""
    # Not below pytest's folder: that one is closed to the server's account when tests run as root.
    with tempfile.TemporaryDirectory(prefix="clone-test-") as folder:
        checkout = Path(folder) / "checkout"
        git = str(shutil.which("git"))
        subprocess.run([git, "clone", "-q", str(ROOT), str(checkout)], check=True)
        for tap in checkout.glob("tap-*"):
            if tap.name != FIRST:
                shutil.rmtree(tap)
        (programs := Path(folder) / "bin").mkdir()
        (programs / "python3").symlink_to(python_without_packages())
        # The home folder is kept for uv's cache: this is about the commands, not about downloads.
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": os.environ["HOME"]}

        def run(command: str) -> str:
            return shell(command, checkout, environment).stdout

        sync, test = commands(block("README.md", "run.py test"))
        assert test in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
        first = run(sync)
        assert "Setting up .venv" in first
        read, held = numbers(first)
        assert read == held > 1000

        look, one, whole, lines = commands(block("README.md", "run.py psql"))
        assert re.search(r"sandbox_tap_callgear +\| calls +\|", run(look))
        again = run(one)
        assert "Setting up .venv" not in again
        assert numbers(again)[0] < numbers(again)[1] / 3
        assert numbers(run(whole))[0] == held
        run(lines)
        assert (checkout / "output" / "tap-callgear" / "calls.jsonl").stat().st_size

        for text in (first, again):
            assert "No credentials in the environment or .env" in text
            assert re.search(r"tap-callgear +calls ", text)

        subprocess.run([git, "-C", str(checkout), "checkout", "-q", SECOND], check=True)
        by_sandbox, by_key = (text for text in blocks(INTERACTIONS) if "run.py sync" in text)
        assert re.search(r"tap-interactions +interactions ", run(by_sandbox))

        fill, sync = commands(block("README.md", "cp .env.example"))
        run(fill)
        with serve("interactions", Path(folder)) as second, (checkout / ".env").open("a") as file:
            settings = {**callgear.open_config, "start_date": f"{callgear.vendor.now:%Y-%m-01}"}
            file.writelines(f"TAP_CALLGEAR_{k.upper()}={v}\n" for k, v in settings.items())
            url = second.config["api_url"]
            file.write(f"TAP_INTERACTIONS_API_URL={url}\n")
            file.flush()
            shown = by_key.replace("'...'", f"'{second.config['api_key']}'")
            key, one = commands(shown)
            text = run(f"{key}\n{sync}")
            for stream in (r"tap-callgear +calls ", r"tap-interactions +interactions "):
                assert re.search(stream, text)
            assert "No credentials" not in text
            assert re.search(r"tap-interactions +interactions ", run(f"{key}\n{one}"))


INTERACTIONS = "tap-interactions/README.md"


def numbers(text: str) -> tuple[int, int]:
    """Give the rows read and held of a sync's last line."""
    words = next(line for line in text.splitlines() if line.startswith("Read ")).split()
    read, held = words[1], words[words.index("holds") + 1]
    return int(read.replace(",", "")), int(held.replace(",", ""))


def python_without_packages() -> str:
    """Give the Python that the environment was made from."""
    if Path(sys.prefix) == VENV:
        return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    return sys.executable
