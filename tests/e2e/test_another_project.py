"""A tap's plugin file is all that another Meltano project needs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.layout import ROOT, executable
from tests.contract.bench import Bench, serve
from tests.contract.runner import Run
from tests.e2e.pipeline import KEPT

PROJECT = """
default_environment: dev
project_id: 6d1d3c0e-0000-4c50-9a43-000000000001
send_anonymous_usage_stats: false
cli: {disable_version_check: true}
environments: [{name: dev}]
"""


@pytest.fixture
def callgear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with serve("callgear", tmp_path_factory.mktemp("callgear")) as served:
        yield served


def meltano(folder: Path, *arguments: str, **more: str) -> Run:
    """Run Meltano in a project that reaches no hub."""
    kept = {name: os.environ[name] for name in (*KEPT, "HOME") if name in os.environ}
    done = subprocess.run(
        [executable("meltano"), *arguments],
        check=False, capture_output=True, cwd=folder, timeout=240,
        env={**kept, "MELTANO_HUB_URL": "http://127.0.0.1:9", "CONTACT_TAPS": str(ROOT), **more},
    )  # fmt: skip
    run = Run(done.returncode, done.stdout.splitlines(), done.stderr.decode())
    assert run.code == 0, run.stderr[-3000:]
    return run


@pytest.mark.slow
@pytest.mark.network
def test_a_tap_is_added_and_run_from_an_empty_project(callgear: Bench, tmp_path: Path) -> None:
    (tmp_path / "meltano.yml").write_text(PROJECT)
    plugin = ROOT / "tap-callgear" / "plugin.yml"
    told = next(line for line in plugin.read_text("utf-8").splitlines() if "meltano add" in line)
    command = told.lstrip("# ").replace("$CONTACT_TAPS", str(ROOT)).split()
    meltano(tmp_path, *command[1:])

    environment = {
        f"TAP_CALLGEAR_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in callgear.config.items()
    }
    selected = {"TAP_CALLGEAR__SELECT": json.dumps(["calls.*", "tags.*"])}
    run = meltano(tmp_path, "invoke", "tap-callgear", **environment, **selected)
    assert run.streams == {"calls", "tags"}
    found = callgear.by_identity(run)
    for stream in run.streams:
        assert found[stream].keys() == callgear.truth(stream).keys()
    venv = tmp_path / ".meltano" / "extractors" / "tap-callgear" / "venv"
    assert (venv / "bin" / "tap-callgear").is_file()
