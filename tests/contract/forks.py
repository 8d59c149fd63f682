"""Runs many command lines of one tap, each in a fork of a process that has imported it once.

python forks.py tap_callgear < command-lines.json > results.json
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from typing import Any


def run(tap: Any, arguments: Sequence[str]) -> tuple[int, str, str]:
    """Run one command line in a fork; give exit code, standard output and standard error."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            code = 70
            try:
                tap.cli(args=list(arguments))
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 71
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode())
    return os.waitstatus_to_exitcode(status), texts[0], texts[1]


def tap_class(module: str) -> Any:
    """Give the tap that a package holds: the one class with streams of its own."""
    found = importlib.import_module(f"{module}.tap")
    base = importlib.import_module("tap_shared.tap").ApiTap
    return next(
        item
        for item in vars(found).values()
        if isinstance(item, type) and issubclass(item, base) and item is not base
    )


if __name__ == "__main__":
    tap = tap_class(sys.argv[1])
    json.dump([run(tap, arguments) for arguments in json.load(sys.stdin)], sys.stdout)
