"""What is raced: regimes, shapes, who takes part in each, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tests.benchmarks.shapes import SHAPES

__all__ = ["REGIMES", "Entry", "Race", "Sizes", "races"]

IN_FLIGHT = 8
LATENCY = 0.3
RATE = 10
_PAGES = 100


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        rows: Rows where the processor is the limit.
        rounds: Rounds that count.
        most: Rows of the larger run where memory is measured.
    """

    rows: int = 30_000
    rounds: int = 2
    most: int = 100_000


FULL = Sizes(200_000, 5, 500_000)


@dataclass(frozen=True)
class Entry:
    """One peer of a race.

    Attributes:
        peer: What makes it, a name of `contestants.PEERS`.
        in_flight: Most requests under way.
        rate: Requests a second that it is told; 0 for no word.
        rounds: Most rounds, where it is slow.
    """

    peer: str
    in_flight: int = 1
    rate: int = 0
    rounds: int = 100


@dataclass(frozen=True)
class Race:
    """Peers that take turns on one server.

    Attributes:
        regime: What is the limit.
        tap: The shape.
        rows: Rows that are extracted.
        page_size: Rows a request.
        entries: Who takes part; the first is what the others are compared with.
        rounds: Rounds that count.
        latency: Seconds a request.
        rate: Requests a second above which the server refuses.
    """

    regime: str
    tap: str
    rows: int
    page_size: int
    entries: Sequence[Entry]
    rounds: int
    latency: float = 0.0
    rate: int = 0

    @property
    def name(self) -> str:
        """What its result is called."""
        return (
            f"{self.regime}-{self.tap}-{self.rows}"
            if self.regime == "memory"
            else (f"{self.regime}-{self.tap}")
        )

    @property
    def title(self) -> str:
        """What it is, for people."""
        limits = f", {self.latency * 1000:.0f} ms a request" if self.latency else ""
        limits += f", {self.rate} requests/s" if self.rate else ""
        rows = f"{self.rows:,} rows, {self.page_size:,} a page"
        return f"{SHAPES[self.tap].vendor}, {self.regime}: {rows}{limits}"


_WIDE = ("callgear", "interactions")


def _cpu(sizes: Sizes) -> Iterator[Race]:
    """No latency: what a row costs."""
    for tap, shape in SHAPES.items():
        slow = 2  # runs of half a minute repeat well
        entries = [
            Entry("limit"), Entry("bytes", rounds=3), Entry("ours"), Entry("ours", 4, rounds=2),
            *(Entry(peer, rounds=slow) for peer in ("cookiecutter", "dlt", "airbyte")),
        ]  # fmt: skip
        if tap == "callgear":  # the one with nested values to flatten
            entries += [Entry("mapped", rounds=2), Entry("flattened", rounds=2)]
        if tap not in _WIDE:
            entries.append(Entry("singer-python", rounds=1))
        yield Race("cpu", tap, sizes.rows, shape.page_size, entries, sizes.rounds)


def _classic(sizes: Sizes) -> Iterator[Race]:
    """A peer that takes minutes for wide rows races over fewer."""
    for tap in _WIDE:
        entries = [Entry("limit"), Entry("singer-python", rounds=2)]
        yield Race("classic", tap, sizes.rows // 10, SHAPES[tap].page_size, entries, sizes.rounds)


def _start(sizes: Sizes) -> Iterator[Race]:
    """Few rows: how long it takes to the first request."""
    for tap, shape in SHAPES.items():
        entries = [Entry("cookiecutter"), Entry("ours")]
        yield Race("start", tap, 250, min(1000, shape.page_size), entries, 2 * sizes.rounds)


def _latency(sizes: Sizes) -> Iterator[Race]:
    """Slow answers: how much is under way at once."""
    for tap in (*_WIDE, "dixa"):
        entries = [
            Entry("limit", IN_FLIGHT), Entry("ours", IN_FLIGHT), Entry("airbyte", IN_FLIGHT),
            *(Entry(peer, rounds=1) for peer in ("cookiecutter", "dlt")),
        ]  # fmt: skip
        yield Race("latency", tap, 100 * _PAGES, 100, entries, sizes.rounds, LATENCY)


def _rate(sizes: Sizes) -> Iterator[Race]:
    """A limit on requests a second, declared and not."""
    for tap in _WIDE:
        entries = [
            Entry("limit", IN_FLIGHT, RATE), Entry("ours", IN_FLIGHT, RATE),
            Entry("ours", IN_FLIGHT), Entry("airbyte", IN_FLIGHT, RATE, rounds=1),
            Entry("airbyte", IN_FLIGHT, rounds=1),
        ]  # fmt: skip
        yield Race("rate", tap, 100 * _PAGES, 100, entries, min(3, sizes.rounds), LATENCY, RATE)


def _memory(sizes: Sizes) -> Iterator[Race]:
    """One page in flight: what is held at once."""
    own, other = [Entry("limit"), Entry("ours")], Entry("cookiecutter", rounds=1)
    rounds = min(3, sizes.rounds)
    yield Race("memory", "callgear", sizes.most // 10, 1000, [*own, other], rounds)
    yield Race("memory", "callgear", sizes.most, 1000, own, rounds)
    yield Race("memory", "infinity", sizes.most // 2, 50_000, [*own, other], rounds)


REGIMES = {
    "cpu": _cpu,
    "classic": _classic,
    "start": _start,
    "latency": _latency,
    "rate": _rate,
    "memory": _memory,
}
"""What gives the races of which regime."""


def races(
    sizes: Sizes, regimes: Sequence[str], taps: Sequence[str], peers: Sequence[str]
) -> Iterator[Race]:
    """Give the races that were asked for; everything where nothing is named."""
    for regime in regimes or REGIMES:
        for race in REGIMES[regime](sizes):
            entries = [e for e in race.entries if not peers or e.peer in peers]
            if entries and (not taps or race.tap in taps):
                yield replace(race, entries=entries)
