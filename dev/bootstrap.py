"""Makes `.venv` from `requirements.lock` and goes on inside it.

Runs on a bare Python with pip: only the standard library may be imported here.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from dev.layout import LOCK, ROOT, TOOLS, VENV, executable, members
from dev.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FINGERPRINT = VENV / ".fingerprint"


def enter(arguments: list[str]) -> None:
    """Return inside the project's environment, made or brought up to date first if need be.

    Args:
        arguments: The command line to go on with when this process has to be replaced.
    """
    wanted = fingerprint()
    if not _is_current(wanted):
        with _one_at_a_time():
            if not _is_current(wanted):
                _make(wanted)
    if sys.prefix != str(VENV):
        _replace_process([executable("python"), str(ROOT / "run.py"), *arguments])


def fingerprint() -> str:
    """Return a hash of everything that the environment is made from."""
    parts = [_python_version(), LOCK.read_bytes().hex()]
    for folder in members():
        parts += [folder, (ROOT / folder / "pyproject.toml").read_text(encoding="utf-8")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def uv() -> Path:
    """Return the uv executable, installed into `.tools` with pip when it is missing."""
    path = TOOLS / "bin" / "uv"
    pinned = _locked("uv")
    mark = TOOLS / ".uv-requirement"
    if path.is_file() and mark.is_file() and mark.read_text(encoding="utf-8") == pinned:
        return path
    shutil.rmtree(TOOLS / "bin", ignore_errors=True)
    TOOLS.mkdir(exist_ok=True)
    mark.write_text(pinned, encoding="utf-8")
    # --target is not subject to an "externally managed environment" and needs no venv package.
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes"]
    command += ["--upgrade", "--disable-pip-version-check", "--target", str(TOOLS)]
    done = subprocess.run(
        [*command, "-r", str(mark)], check=False, stderr=subprocess.PIPE, text=True
    )
    if done.returncode or not path.is_file():
        mark.unlink()
        raise Problem(
            f"pip could not install uv: {_last_line(done.stderr)}. "
            f"`{sys.executable} -m pip --version` must work and reach a package index."
        )
    return path


def _make(wanted: str) -> None:
    """Make or update the environment and note what it was made from."""
    started = time.monotonic()
    print("Setting up .venv from requirements.lock (needed once, and when the lock changes) ...")
    installer = uv()
    if not _works():
        _run(installer, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV))
    FINGERPRINT.unlink(missing_ok=True)
    into = ("--quiet", "--python", executable("python"))
    _run(installer, "pip", "sync", *into, "--require-hashes", str(LOCK))
    editable = [word for folder in members() for word in ("--editable", str(ROOT / folder))]
    _run(installer, "pip", "install", *into, "--no-deps", "--no-build-isolation", *editable)
    FINGERPRINT.write_text(wanted, encoding="utf-8")
    print(f"Set-up took {time.monotonic() - started:.1f} s: {', '.join(members())}.")


def _run(installer: Path, *arguments: str) -> None:
    """Run uv; its own error output stays visible.

    Raises:
        Problem: uv failed.
    """
    environment = {
        **os.environ,
        "UV_PYTHON_DOWNLOADS": "never",
        # Without byte code every start of a tap or of Meltano takes about three times as long.
        "UV_COMPILE_BYTECODE": "1",
    }
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run([str(installer), *arguments], check=False, cwd=ROOT, env=environment)
    if done.returncode:
        raise Problem(f"uv {' '.join(arguments[:2])} failed (see above).")


def _is_current(wanted: str) -> bool:
    """Tell whether the environment was made from what is there now."""
    try:
        return FINGERPRINT.read_text(encoding="utf-8") == wanted and _python_exists()
    except FileNotFoundError:
        return False


def _works() -> bool:
    """Tell whether the environment's Python starts and has the feature version that runs now."""
    if not _python_exists():
        return False
    command = [executable("python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode == 0 and done.stdout.strip() == _python_version()


def _python_exists() -> bool:
    """Tell whether the environment's Python is there and its base was not removed."""
    return os.access(executable("python"), os.X_OK)


def _python_version() -> str:
    """Return the running Python's feature version, such as `3.11`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _locked(name: str) -> str:
    """Return the lines of the lock that pin the distribution `name`, hashes included."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = start + 1
    while lines[end - 1].endswith("\\"):
        end += 1
    return "\n".join(lines[start:end]) + "\n"


def _last_line(text: str) -> str:
    """Return the last line of `text` that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no message"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold the set-up lock, so that two commands started together do not disturb each other."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / ".lock").open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _replace_process(command: list[str]) -> NoReturn:
    """Go on as another program."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted
