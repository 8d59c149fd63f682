# ruff: noqa: T201 - it is a command
"""Decoders, settings, states and whole streams under hostile input; see `targets.py`.

python3 run.py fuzz [--target X] [--seconds N] [--seed S]
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import sys
import time

from tests.fuzz.running import fuzz
from tests.fuzz.targets import TARGETS

_HANGS = 120


def main() -> int:
    """Fuzz the targets, each for its share of the time; 1 where one has a flaw."""
    parser = argparse.ArgumentParser(prog="run.py fuzz", description=__doc__)
    parser.add_argument("--target", action="append", choices=TARGETS, help="default: all")
    parser.add_argument("--seconds", type=float, default=130, help="for all of them together")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    names = chosen.target or list(TARGETS)
    flaws = 0
    for name in names:
        share = chosen.seconds / len(names)
        faulthandler.dump_traceback_later(share + _HANGS, exit=True)
        begun = time.monotonic()
        found = fuzz(TARGETS[name], number=chosen.seed, seconds=share)
        flaws += bool(found.flaw)
        print(f"{name:12} {found.cases:8} cases in {time.monotonic() - begun:4.0f} s:"
              f" {'a flaw' if found.flaw else 'no flaw'}", flush=True)  # fmt: skip
        if found.flaw:
            print(found.flaw, flush=True)
    faulthandler.cancel_dump_traceback_later()
    return int(bool(flaws))


if __name__ == "__main__":
    sys.exit(main())
