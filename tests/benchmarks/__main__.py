"""Race the taps against the floor (requests and msgspec, no Singer logic) and their peers.

Each peer gets an environment of its own on first use. Results of whole races are kept in
output/benchmarks, and --report makes the table of them. A full run takes most of an hour; it can be
split, for example: --full --regime cpu --shape callgear; --full --regime cpu --shape interactions;
--full --regime cpu --shape pbx dixa infinity; --full --regime classic start latency rate memory.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.contestants import PEERS
from tests.benchmarks.racing import hold, keep
from tests.benchmarks.regimes import FULL, REGIMES, Sizes, races
from tests.benchmarks.report import kept, report
from tests.benchmarks.shapes import SHAPES


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="200,000 rows and 5 rounds")
    parser.add_argument("--rows", type=int, help="rows where the processor is the limit")
    parser.add_argument("--rounds", type=int, help="rounds")
    parser.add_argument("--regime", nargs="+", default=[], choices=[*REGIMES])
    parser.add_argument("--shape", nargs="+", default=[], choices=[*SHAPES])
    parser.add_argument(
        "--peer", nargs="+", default=[], choices=[*PEERS], help="only these; nothing is kept"
    )
    parser.add_argument("--report", action="store_true", help="print what was kept, as Markdown")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run what was asked for."""
    options = _options(arguments)
    if options.report:
        print(report(kept()))  # noqa: T201 - to be pasted
        return 0
    sizes = FULL if options.full else Sizes()
    given = {name: getattr(options, name) for name in ("rows", "rounds")}
    sizes = replace(sizes, **{name: value for name, value in given.items() if value})
    is_whole = True
    with tempfile.TemporaryDirectory() as folder:
        for race in races(sizes, options.regime, options.shape, options.peer):
            result = hold(race, Path(folder))
            if not options.peer:
                keep(result)
            is_whole &= not {"ours", "limit"} & result["missing"].keys()
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
