"""Environments of their own for public client packages, made once and kept under `.tools`."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "TMPDIR")
"""What a client's processes get of our environment: nothing that could point them elsewhere."""


def client_python(name: str, *requirements: str) -> Path:
    """Return the interpreter of the environment `name`, which holds just `requirements`.

    It is made on first use and again when the requirements change; uv makes it where the
    repository has one, else the standard library's venv and pip.
    """
    folder = ROOT / ".tools" / "clients" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    stamp = folder / "requirements.txt"
    wanted = "".join(f"{requirement}\n" for requirement in requirements)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            for command in _commands(folder, python, requirements):
                subprocess.run(command, check=True, capture_output=True, timeout=240)
            stamp.write_text(wanted)
    return python


def _commands(folder: Path, python: Path, requirements: tuple[str, ...]) -> list[list[str]]:
    """Return the commands that make an environment."""
    uv = ROOT / ".tools" / "bin" / "uv"
    if uv.exists():
        return [
            [str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [str(uv), "pip", "install", "--quiet", "--python", str(python), *requirements],
        ]
    return [
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", *requirements],
    ]


def run_client(python: Path, *arguments: str | Path) -> str:
    """Run a client and return its output; its error output is shown where it fails."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {"TZ": "UTC"}
    done = subprocess.run(
        [str(python), *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
