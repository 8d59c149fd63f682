"""The benchmarks' command line: `python3 run.py bench --help`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.contestants import PEERS
from tests.benchmarks.racing import hold
from tests.benchmarks.regimes import FULL, REGIMES, Sizes, races
from tests.benchmarks.shapes import SHAPES


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="200,000 rows and 5 rounds")
    parser.add_argument("--rows", type=int, help="rows where the processor is the limit")
    parser.add_argument("--rounds", type=int, help="rounds")
    parser.add_argument("--regime", nargs="+", default=[], choices=[*REGIMES])
    parser.add_argument("--shape", nargs="+", default=[], choices=[*SHAPES])
    parser.add_argument("--peer", nargs="+", default=[], choices=[*PEERS])
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run what was asked for."""
    options = _options(arguments)
    sizes = FULL if options.full else Sizes()
    given = {name: getattr(options, name) for name in ("rows", "rounds")}
    sizes = replace(sizes, **{name: value for name, value in given.items() if value})
    with tempfile.TemporaryDirectory() as folder:
        for race in races(sizes, options.regime, options.shape, options.peer):
            hold(race, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
