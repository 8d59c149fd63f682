"""`run.py dagster` serves its page, with the sandbox's job and with one's own, until Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from dev.layout import ROOT, TOOLS, VENV, executable
from dev.orchestrator import STREAMS, serve
from dev.problem import Problem
from tests.e2e.documented import block, commands, running
from tests.e2e.free_port import free_port

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.warehouse]

QUESTION = "{assetNodes {assetKey {path}}}"
LONGEST = 180


@pytest.fixture
def checkout() -> Iterator[Path]:
    """Copy the checkout: its warehouse and tools are its own, its environment is shared."""
    # Not below pytest's folder: that one is closed to the server's account when tests run as root.
    with tempfile.TemporaryDirectory(prefix="dagster-test-") as folder:
        copy = Path(folder) / "checkout"
        left_out = shutil.ignore_patterns(".*", "__pycache__", "output", "tests")
        shutil.copytree(ROOT, copy, ignore=left_out)
        (copy / ".venv").symlink_to(VENV)
        (copy / TOOLS.name).mkdir()
        for name in ("bin", ".uv-requirement"):
            (copy / TOOLS.name / name).symlink_to(TOOLS / name)
        yield copy


def assets(port: int) -> set[tuple[str, ...]]:
    """Ask the page which assets it shows; wait until it is served."""
    last = time.monotonic() + LONGEST
    while True:
        try:
            answer = requests.post(
                f"http://127.0.0.1:{port}/graphql", json={"query": QUESTION}, timeout=30
            )
        except requests.ConnectionError:
            assert time.monotonic() < last, "the page is not served"
            time.sleep(0.2)
        else:
            assert answer.status_code == requests.codes.ok, answer.text
            if nodes := answer.json()["data"]["assetNodes"]:
                return {tuple(node["assetKey"]["path"]) for node in nodes}
            assert time.monotonic() < last, "the page shows no asset"


def served(command: str, port: int, checkout: Path) -> set[tuple[str, ...]]:
    """Run a command until it serves its page, press Ctrl-C; give the assets of the page."""
    path = f"{executable('')}{os.pathsep}{os.environ['PATH']}"
    # The home folder is kept for uv's cache: this is about the command, not about downloads.
    environment = {"PATH": path, "HOME": os.environ["HOME"]}
    with running(f"exec {command}", checkout, environment) as process:
        found = assets(port)
        os.killpg(process.pid, signal.SIGINT)
        said, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 130, err[-3000:]
    assert f"http://127.0.0.1:{port} (Ctrl-C ends it)" in said
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pytest.fail("something still listens")
    return found


@pytest.mark.timeout(900)  # many programs, one after the other
def test_the_page_is_served_until_it_is_interrupted(checkout: Path) -> None:
    [sample] = commands(block("docs/backfill.md", "run.py dagster   "))
    [own] = commands(block("docs/backfill.md", "--port 3000"))
    history = {("tap_callgear", stream) for stream in (*STREAMS, "incremental")}
    assert served(f"{sample} --port {(port := free_port())}", port, checkout) == history

    job = json.loads((checkout / ".warehouse" / "backfill" / "job.json").read_text("utf-8"))
    (checkout / "calls.json").write_text(json.dumps({**job, "streams": ["calls"]}))
    port = free_port()
    command = own.replace("JOB [JOB ...]", "calls.json").replace("3000", str(port))
    found = served(command, port, checkout)
    assert found == {("tap_callgear", "calls"), ("tap_callgear", "incremental")}


def test_a_job_file_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(Problem, match=r"there is no job file missing\.json") as told:
        serve(["missing.json"], 3000)
    assert told.value.code == 2
