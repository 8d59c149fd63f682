"""Turns what races left into the table of goals, as Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.racing import RESULTS
from tests.benchmarks.shapes import SHAPES

__all__ = ["kept", "report"]

Result = Mapping[str, Any]
Kept = Mapping[str, Result]

_WIDE = ("callgear", "interactions")
_SMALL = ("pbx", "dixa", "infinity")
_PEERS = ("cookiecutter", "airbyte", "dlt", "singer-python")
_OURS = ("ours", "mapped", "flattened")


@dataclass(frozen=True)
class Measured:
    """A figure of one race.

    Attributes:
        of: What it is of, for the table.
        value: The figure.
        shown: How it is written.
        wins: Peers that did better than the tap.
    """

    of: str
    value: float
    shown: str
    wins: Sequence[str] = ()


@dataclass(frozen=True)
class Goal:
    """A line of the table.

    Attributes:
        regime: What is measured.
        must: The most that is allowed, and how it is written.
        aim: The most that is aimed at, and how it is written.
        measure: Finds its figures in what was kept.
    """

    regime: str
    must: tuple[float, str]
    aim: tuple[float, str]
    measure: Callable[[Kept], Iterator[Measured]]

    def line(self, kept: Kept) -> str:
        """Give the line."""
        found = list(self.measure(kept))
        shown = "; ".join(f"{one.of} {one.shown} ({self._verdict(one.value)})" for one in found)
        wins = ", ".join(dict.fromkeys(name for one in found for name in one.wins)) or "none"
        cells = (self.regime, self.must[1], self.aim[1], shown or "not measured", wins)
        return f"| {' | '.join(cells)} |"

    def _verdict(self, value: float) -> str:
        return "aim" if value <= self.aim[0] else "must" if value <= self.must[0] else "**missed**"


def _find(result: Result | None, peer: str, in_flight: int = 1, rate: int = 0) -> Any:
    """Give a peer's figures; None where it did not take part."""
    wanted = (peer, in_flight, rate)
    for one in (result or {"peers": {}})["peers"].values():
        if (one["peer"], one["in_flight"], one["rate"]) == wanted:
            return one
    return None


def _ratio(value: float) -> str:
    return f"1/{1 / value:.1f}" if value < 0.4 else f"{value:.2f}x"


def _winners(result: Result, than: float, figure: str) -> list[str]:
    """Name the peers that did better than the tap's `than`."""
    found = result["peers"].items()
    return [name for name, one in found if one["peer"] in _PEERS and one[figure] < than]


def _against(
    race: str, peers: Sequence[str], tap: Sequence[str] = ("ours",), *, figure: str = "wall",
    in_flight: int = 1,
) -> Callable[[Kept], Iterator[Measured]]:  # fmt: skip
    """Compare the tap with the best of some peers in the races of a kind."""
    regime, _, shapes = race.partition(":")

    def measure(kept: Kept) -> Iterator[Measured]:
        for shape in shapes.split(","):
            result = kept.get(f"{regime}-{shape}")
            others = [one for peer in peers if (one := _find(result, peer, in_flight))]
            for name in tap:
                own = _find(result, name, in_flight)
                if result and own and others:
                    best = min(others, key=lambda one: float(one[figure]))
                    value = own[figure] / best[figure]
                    cpu = "" if figure != "wall" else f", CPU {_ratio(own['cpu'] / best['cpu'])}"
                    beside = f" of {best['peer']}" if len(peers) > 1 else ""
                    label = SHAPES[shape].vendor + ("" if name == "ours" else f", {name}")
                    wins = _winners(result, own[figure], figure)
                    yield Measured(label, value, f"{_ratio(value)}{beside}{cpu}", wins)

    return measure


def _paced(told: int) -> Callable[[Kept], Iterator[Measured]]:
    """Compare with the time that the limit allows; told of it, the tap may not be refused."""

    def measure(kept: Kept) -> Iterator[Measured]:
        for shape in _WIDE:
            result = kept.get(f"rate-{shape}")
            own = _find(result, "ours", 8, told)
            if result and own:
                answered = own["requests"] - own["refused"]
                least = result["rows"] / result["page_size"]
                paced, whole = (own["wall"] * result["rate"] / n for n in (answered, least))
                value = math.inf if told and own["refused"] else paced
                shown = f"{paced:.2f}x of {answered:.0f} requests"
                shown += f" ({whole:.2f}x of {least:.0f} pages), {own['refused']:.0f} refused"
                wins = _winners(result, own["wall"], "wall")
                yield Measured(SHAPES[shape].vendor, value, shown, wins)

    return measure


def _by_rows(kept: Kept) -> list[Result]:
    found = [result for name, result in kept.items() if name.startswith("memory-callgear-")]
    return sorted(found, key=lambda result: int(result["rows"]))


def _growth(kept: Kept) -> Iterator[Measured]:
    """Compare many rows with few."""
    found = _by_rows(kept)
    peaks = [own["peak"] for result in found if (own := _find(result, "ours"))]
    if len(peaks) > 1:
        more = peaks[-1] - peaks[0]
        rows = f"{found[-1]['rows']:,} rows against {found[0]['rows']:,}"
        yield Measured(rows, more, f"{more:+.1f} MB, to {peaks[-1]:.0f} MB")


def _one_page(kept: Kept) -> Iterator[Measured]:
    """Compare one page in flight with the cookiecutter tap's."""
    for result in _by_rows(kept)[:1]:
        own, other = _find(result, "ours"), _find(result, "cookiecutter")
        if own and other:
            shown = f"{own['peak'] / other['peak']:.2f}x ({own['peak']:.0f} MB)"
            wins = _winners(result, own["peak"], "peak")
            yield Measured("CallGear", own["peak"] / other["peak"], shown, wins)


def _large_page(kept: Kept) -> Iterator[Measured]:
    """Look at pages of 50,000 rows."""
    for name, result in kept.items():
        own = _find(result, "ours") if name.startswith("memory-infinity-") else None
        if own:
            wins = _winners(result, own["peak"], "peak")
            yield Measured("Infinity", own["peak"], f"{own['peak']:.0f} MB", wins)


_ALL_WIDE, _ALL_SMALL, _EVERY = (",".join(names) for names in (_WIDE, _SMALL, SHAPES))
_GOALS = (
    Goal("CPU-bound, CallGear and MotionCX, against a cookiecutter singer-sdk tap",
         (1 / 6, "1/6"), (1 / 8, "1/8"), _against(f"cpu:{_ALL_WIDE}", ["cookiecutter"])),
    Goal("the same against the fastest peer (dlt extract, airbyte-cdk)",
         (1 / 2, "1/2"), (1 / 4, "1/4"), _against(f"cpu:{_ALL_WIDE}", ["dlt", "airbyte"])),
    Goal("the same against `limit`",
         (1.2, "1.2x"), (0.8, "0.8x"), _against(f"cpu:{_ALL_WIDE}", ["limit"])),
    Goal("small shapes against `limit`",
         (1.5, "1.5x"), (1.1, "1.1x"), _against(f"cpu:{_ALL_SMALL}", ["limit"])),
    Goal("the fall-back path (stream maps, flattening) against the cookiecutter tap",
         (1.0, "1.0x"), (0.5, "0.5x"),
         _against(f"cpu:{_ALL_WIDE}", ["cookiecutter"], ("mapped", "flattened"))),
    Goal("start to first request against the cookiecutter tap",
         (1.3, "1.3x"), (1.1, "1.1x"),
         _against(f"start:{_EVERY}", ["cookiecutter"], figure="first")),
    Goal("300 ms a request, 100 pages, 8 in flight, against `limit-conc`",
         (1.2, "1.2x"), (1.07, "1.07x"), _against(f"latency:{_ALL_WIDE}", ["limit"], in_flight=8)),
    Goal("the same against airbyte-cdk with parallel windows",
         (0.7, "0.7x"), (0.5, "0.5x"), _against(f"latency:{_ALL_WIDE}", ["airbyte"], in_flight=8)),
    Goal("the same, cursor only, by windows",
         (1.0, "1.0x"), (0.8, "0.8x"), _against("latency:dixa", ["airbyte"], in_flight=8)),
    Goal("10 requests/s declared, against requests / rate",
         (1.15, "1.15x, no 429"), (1.08, "1.08x"), _paced(10)),
    Goal("10 requests/s learned, against requests / rate",
         (1.3, "1.3x"), (1.2, "1.2x"), _paced(0)),
    Goal("memory: growth with the rows", (5.0, "+5 MB"), (0.5, "0"), _growth),
    Goal("memory: one page in flight against the cookiecutter tap",
         (1.0, "1.0x"), (0.9, "0.9x"), _one_page),
    Goal("memory: Infinity at 50,000 rows a page",
         (120.0, "under 120 MB"), (80.0, "80 MB"), _large_page),
)  # fmt: skip


def _details(result: Result) -> Iterator[str]:
    """Give a race's figures."""
    yield f"\n**{result['title']}** ({result['date']})\n"
    yield "| | wall s | x | CPU s | x | peak MB | requests | refused | most in flight | rounds |"
    yield "| --- |" + " ---: |" * 9
    base = next(iter(result["peers"].values()))
    for name, one in result["peers"].items():
        wall, cpu = one["wall"] / base["wall"], one["cpu"] / base["cpu"]
        yield (
            f"| {name} | {one['wall']:.2f} | {wall:.2f} | {one['cpu']:.2f} | {cpu:.2f} "
            f"| {one['peak']:.0f} | {one['requests']:.0f} | {one['refused']:.0f} "
            f"| {one['most']:.0f} | {one['rounds']} |"
        )
    for peer, why in result["missing"].items():
        yield f"\n{peer} does not take part: {why}."


_METHOD = """\
Each figure is the median of whole processes that took turns, their output thrown away, against a
local server in a process of its own that joins pages of rendered rows (`bytes only`: what it takes
to read them and look at nothing). Every peer was counted once before: each row once, none twice.

`limit` is requests and msgspec, dictionaries in and lines out, no Singer logic; `limit-conc` has 8
requests in flight, by pages where their number or end shows, else by days. `cookiecutter` is a
singer-sdk 0.54.9 tap as the template leads to; `dlt extract` (1.31.0) writes files and types
nothing; `airbyte-cdk` (7.39.1) is a declarative manifest, which converts no types; `singer-python`
(6.8.0) is asked and decoded for as in `limit`, then its Transformer runs. `ours` has instants
converted, unknown fields watched and types checked, one request in flight unless a number says
otherwise. x is against the first line.
"""


def kept() -> dict[str, Result]:
    """Read what whole races left."""
    files = sorted(RESULTS.glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


def report(found: Kept) -> str:
    """Give the table of goals, how it was measured, and every race.

    Args:
        found: Results by the name of their race.
    """
    if not found:
        return "Nothing has been kept: run `python3 run.py bench --full` first."
    places = sorted({f"{one['date'][:10]}, {one['machine']}" for one in found.values()})
    lines = [
        f"Measured {'; '.join(places)}.\n",
        "| regime | must | aim | measured | peer that wins |",
        "| --- | --- | --- | --- | --- |",
        *(goal.line(found) for goal in _GOALS),
        f"\n{_METHOD.rstrip()}",
        *(line for result in found.values() for line in _details(result)),
    ]
    return "\n".join(lines)
