"""The ledger: one object per finished slice, never changed: nothing to merge, nothing to lock.

`<ledger>/slices/<tap>/<stream>/<account>/<partition or all>/<start>-<end>.json`. Which time is
covered is told by the names alone; the objects hold what it cost and what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tap_shared.backfill.slices import Track, window_name, window_of
from tap_shared.backfill.store import Store
from tap_shared.decoders import decoder
from tap_shared.windows import Window

__all__ = ["Entry", "Ledger", "Reach"]

_RECENT = 5


class Reach(msgspec.Struct, frozen=True):
    """A watermark that a slice's run reached.

    Attributes:
        context: The partition of the state; None for a stream without partitions.
        value: The instant, as the state writes it.
    """

    context: dict[str, Any] | None
    value: str


class Entry(msgspec.Struct, frozen=True):
    """What is noted of a finished slice.

    Attributes:
        id: The slice's id.
        start: First instant, as the tap writes instants.
        end: Its end: how far the target has everything.
        rows: Records that the target took, by the name they were written under.
        least: Smallest replication key, None where there was no row.
        most: Largest replication key.
        replication_key: The name that the state keeps the watermark under.
        reaches: The watermarks of the run, one a partition.
        seconds: How long it took.
        finished_at: When.
        run_id: The worker's run.
        is_cut: Whether the run ended early and this is only what it had finished by then.
    """

    id: str
    start: str
    end: str
    rows: dict[str, int]
    least: str | None
    most: str | None
    replication_key: str
    reaches: list[Reach]
    seconds: float
    finished_at: str
    run_id: str
    is_cut: bool = False


class Ledger:
    """The finished slices of all jobs under one URL.

    Args:
        store: Where they lie.
    """

    def __init__(self, store: Store) -> None:
        """Keep the store; nothing is read."""
        self.store = store

    def covered(self, track: Track) -> list[Window]:
        """Give the windows of a track that are done; one listing."""
        found = (window_of(name.removesuffix(".json")) for name in self.store.names(_at(track)))
        return [window for window in found if window]

    def entries(self, track: Track, windows: Sequence[Window]) -> list[tuple[Window, Entry]]:
        """Read the entries of some windows."""
        found = ((window, self.store.read(_name(track, window))) for window in windows)
        return [(w, decoder(Entry).decode(body)) for w, body in found if body]

    def recent(self, track: Track, covered: Sequence[Window]) -> list[tuple[Window, float]]:
        """Give the last windows and what they took, for choosing the next size."""
        found = self.entries(track, sorted(covered)[-_RECENT:])
        return [(window, entry.seconds) for window, entry in found]

    def enter(self, track: Track, window: Window, entry: Entry) -> None:
        """Note a finished slice. Twice is as good as once."""
        self.store.write(_name(track, window), msgspec.json.encode(entry))


def _at(track: Track) -> str:
    return f"slices/{track.folder}"


def _name(track: Track, window: Window) -> str:
    return f"{_at(track)}/{window_name(window)}.json"
