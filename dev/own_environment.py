"""Environments of their own under `.tools`, for programs that the taps have nothing to do with."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from dev import bootstrap
from dev.layout import ROOT, TOOLS
from dev.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path


def own_environment(name: str, *how: str, made_from: str) -> Path:
    """Return the folder of an environment's programs; it is made where it is missing or outdated.

    Args:
        name: Of the environment; its folder is `.tools/<name>`.
        how: The command of `uv pip` that fills it, and its arguments.
        made_from: What it depends on: another text is another environment.

    Raises:
        Problem: It cannot be made.
    """
    folder = TOOLS / name
    note, wanted = folder / ".made-from", made_from + sys.version
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f".{name}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not note.is_file() or note.read_text(encoding="utf-8") != wanted:
            print(f"Setting up {name} in .tools/{name} (needed once) ...", flush=True)
            _make(name, folder, how)
            note.write_text(wanted, encoding="utf-8")
    return folder / "bin"


def _make(name: str, folder: Path, how: tuple[str, ...]) -> None:
    """Make an environment and fill it; uv's own error output stays visible."""
    uv, into = str(bootstrap.uv()), ["--quiet", "--python", str(folder / "bin" / "python")]
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", how[0], *into, *how[1:]],
    ):
        environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
        if subprocess.run(command, check=False, cwd=ROOT, env=environment).returncode:
            raise Problem(f"{name} could not be installed (see above).")
