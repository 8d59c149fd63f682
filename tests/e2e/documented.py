"""The commands that the documentation shows, and how tests run them as they stand there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from dev.layout import ROOT
from tests.e2e.pipeline import KEPT

__all__ = ["DOCUMENTS", "block", "blocks", "commands", "running", "shell"]

DOCUMENTS = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "tap-*/README.md") for path in ROOT.glob(pattern)
)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(document: str, language: str = "sh") -> list[str]:
    """Give a document's blocks of code of one language.

    Args:
        document: Its path in the checkout.
        language: What stands after the block's first fence.
    """
    text = (ROOT / document).read_text("utf-8")
    return [found[2] for found in _BLOCK.finditer(text) if found[1] == language]


def block(document: str, word: str, language: str = "sh") -> str:
    """Give the one block of a document that holds a word."""
    [found] = [each for each in blocks(document, language) if word in each]
    return found


def commands(text: str) -> Iterator[str]:
    """Give a block's commands, one a line, without their comments."""
    for line in text.splitlines():
        if command := re.sub(r"(^|\s+)#.*", "", line).strip():
            yield command


@contextmanager
def running(
    text: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Run commands as a user's shell would; whatever they have started ends with the block.

    Args:
        text: The commands; the first that fails ends them.
        folder: Where they run.
        environment: Variables on top of the few that are kept of ours.
    """
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    with subprocess.Popen(
        ["/bin/sh", "-ec", text],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        env={**kept, "HOME": str(folder), **environment}, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def shell(
    text: str, folder: Path, environment: Mapping[str, str], *, seconds: float = 480
) -> subprocess.CompletedProcess[str]:
    """Run commands to their end, within so many seconds, and see that they succeed."""
    with running(text, folder, environment) as process:
        out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, out[-3000:] + err[-3000:]
    return subprocess.CompletedProcess(text, 0, out, err)
