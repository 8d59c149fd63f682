#!/usr/bin/env python3
"""The project's commands. `python3 run.py --help` lists them.

Needs Python 3.11 or newer with pip and nothing else: the first start makes `.venv`.
"""

from __future__ import annotations

import sys


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file must say so on an older Python
        print("Python 3.11 or newer is needed, for example `python3.11 run.py sync`.")
        return 2
    # Lines appear in the order in which things happen, also where output is piped.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    from dev.commands import parse, run  # noqa: PLC0415 - only now is the version known

    return run(parse(arguments), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
