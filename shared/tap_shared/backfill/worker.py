"""A worker: takes a free lane, runs what is missing of its account, then the next lane."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

from tap_shared.backfill.book import Book
from tap_shared.backfill.job import Job
from tap_shared.backfill.lease import Lease, take
from tap_shared.backfill.running import SliceFailed, SliceRun
from tap_shared.backfill.slices import Slice, Track

__all__ = ["Worker"]

_LOGGER = logging.getLogger("tap_backfill")


class Worker:
    """Runs slices until none is missing.

    Attributes:
        failures: Failures in a row of each track.
        done: Slices entered.

    Args:
        book: The job with its ledger.
        tracks: What to work on.
        name: The worker's name, for the leases.
        ttl: Seconds after which the lane of a dead worker is free.
        attempts: Failures in a row after which a track is given up.
        longest: Seconds after which a slice is cut short; None for never.
        waits: Whether to wait for lanes that other workers hold.
    """

    def __init__(
        self,
        book: Book,
        tracks: Sequence[Track],
        *,
        name: str,
        ttl: float,
        attempts: int = 2,
        longest: float | None = None,
        waits: bool = True,
    ) -> None:
        """Keep the arguments; nothing runs."""
        self.book, self.tracks, self.name, self.ttl = book, list(tracks), name, ttl
        self.attempts, self.longest, self.waits = attempts, longest, waits
        self.failures: Counter[Track] = Counter()
        self.done = 0
        self._stop, self._lost = threading.Event(), threading.Event()
        self._running: SliceRun | None = None

    @property
    def job(self) -> Job:
        """The job."""
        return self.book.job

    def stop(self) -> None:
        """End soon: the slice that runs is cut where its tap stands."""
        self._stop.set()
        if self._running is not None:
            self._running.stop()

    def work(self) -> bool:
        """Work until nothing is missing, given up or (where it does not wait) taken.

        Returns:
            Whether nothing is missing any more.
        """
        while not self._stop.is_set():
            open_accounts = self._open_accounts()
            if not open_accounts:
                break
            worked = [self._work_on(account) for account in open_accounts]
            if not any(worked):
                if not self.waits:
                    break
                self._stop.wait(self.ttl / 4)
        return not any(self._next(track) for track in self.tracks)

    def _open_accounts(self) -> list[str]:
        """Give the accounts with something to do, beginning at another one for each worker."""
        names = sorted({track.account for track in self.tracks if self._todo(track)})
        shift = crc32(self.name.encode()) % len(names) if names else 0
        return names[shift:] + names[:shift]

    def _work_on(self, account: str) -> bool:
        """Run everything that is missing of an account, if its lane is free; say whether it was."""
        self._lost.clear()
        lease = self._take(account)
        if lease is None:
            return False
        with lease:
            for track in self.tracks:
                while track.account == account and not self._is_over():
                    piece = self._todo(track)
                    if piece is None:
                        break
                    self._run(piece)
        return True

    def _take(self, account: str) -> Lease | None:
        lane = f"{self.job.tap_name}/{account}"
        return take(self.book.store, lane, self.name, self.ttl, self._give_up_lane)

    def _give_up_lane(self) -> None:
        _LOGGER.warning("Another worker has taken the lane; this slice is cut.")
        self._lost.set()
        if self._running is not None:
            self._running.stop()

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._lost.is_set()

    def _todo(self, track: Track) -> Slice | None:
        return None if self.failures[track] >= self.attempts else self._next(track)

    def _next(self, track: Track) -> Slice | None:
        return next(iter(self.book.missing(track)), None)

    def _run(self, piece: Slice) -> None:
        with self._shown(SliceRun(self.job, piece, self._catalog(piece))) as run:
            try:
                window, entry = run.run(self.longest)
            except SliceFailed as err:
                if not self._is_over():
                    self.failures[piece.track] += 1
                _LOGGER.error("%s", err)  # noqa: TRY400 - one line
                return
        self.book.ledger.enter(piece.track, window, entry)
        self.failures[piece.track] = 0
        self.done += 1
        _LOGGER.info(
            "%s %s: %d rows in %.1f s%s", piece.track, window, sum(entry.rows.values()),
            entry.seconds, ", cut short" if entry.is_cut else "",
        )  # fmt: skip

    def _catalog(self, piece: Slice) -> dict[str, Any]:
        return self.book.catalog(piece.track.account)

    @contextlib.contextmanager
    def _shown(self, run: SliceRun) -> Iterator[SliceRun]:
        """Let a stop find the run."""
        self._running = run
        if self._is_over():
            run.stop()
        try:
            yield run
        finally:
            self._running = None
