"""A job with its ledger and its catalogs: what there is to do, what is done, what is missing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tap_shared.backfill.job import Job
from tap_shared.backfill.ledger import Entry, Ledger
from tap_shared.backfill.pipe import Passed, pump
from tap_shared.backfill.running import SliceFailed
from tap_shared.backfill.sealing import seal
from tap_shared.backfill.slices import Slice, Track, cut, missing, next_days
from tap_shared.backfill.store import Store
from tap_shared.errors import SettingRefused, TapError
from tap_shared.windows import Window

__all__ = ["Book"]


class Book:
    """A job with its ledger.

    Args:
        job: The job.
        within: The part of its range to look at; all of it where None.
    """

    def __init__(self, job: Job, within: Window | None = None) -> None:
        """Keep the arguments; nothing is read."""
        self.job = job
        whole = job.whole
        self.within = whole
        if within is not None:
            self.within = Window(max(whole.start, within.start), min(whole.end, within.end))
        self._catalogs: dict[str, dict[str, Any]] = {}

    @cached_property
    def store(self) -> Store:
        """Where the ledger lies."""
        return Store(self.job.ledger)

    @cached_property
    def ledger(self) -> Ledger:
        """The finished slices."""
        return Ledger(self.store)

    def tracks(self, accounts: Sequence[str] = (), streams: Sequence[str] = ()) -> list[Track]:
        """Give the tracks of some or all accounts and streams.

        Raises:
            SettingRefused: The job has no such account or stream.
        """
        unknown = set(accounts) - set(self.job.accounts)
        if unknown:
            raise SettingRefused("account", f"'{min(unknown)}' is none of the job's.")
        found = [
            track
            for account in accounts or self.job.accounts
            for track in self.job.tracks(account, self.catalog(account))
        ]
        unknown = set(streams) - {track.stream for track in found}
        if unknown:
            raise SettingRefused("stream", f"'{min(unknown)}' is none of the job's.")
        return [track for track in found if not streams or track.stream in streams]

    def plan(self, track: Track) -> Iterator[Slice]:
        """Give all slices of a track, done or not, in the size that is right by now."""
        days = self._days(track, self.ledger.covered(track))
        for window in cut(self.within, days, self.job.whole.start):
            yield Slice(track, window)

    def missing(self, track: Track) -> Iterator[Slice]:
        """Give the plan minus the ledger, oldest first."""
        covered = self.ledger.covered(track)
        days = self._days(track, covered)
        for window in missing(self.within, covered, days, self.job.whole.start):
            yield Slice(track, window)

    def done(self, track: Track) -> list[Entry]:
        """Give the entries of a track, oldest first."""
        within = self.within
        windows = sorted(self.ledger.covered(track))
        windows = [w for w in windows if w.start < within.end and w.end > within.start]
        return [entry for _, entry in self.ledger.entries(track, windows)]

    def seal(self, account: str) -> dict[str, Any]:
        """Make an account's incremental state."""
        found = [
            (track, self.ledger.entries(track, self.ledger.covered(track)))
            for track in self.tracks([account])
        ]
        return seal(self.job.whole, found)

    def _days(self, track: Track, covered: Sequence[Window]) -> int:
        recent = self.ledger.recent(track, covered)
        job = self.job
        return next_days(recent, job.slice_days, job.slice_seconds, job.slice_days_limit)

    def catalog(self, account: str) -> dict[str, Any]:
        """Give an account's catalog: the job's, the ledger's, or (the first time) discovered.

        The ledger keeps what was discovered, so that all workers write one schema.
        """
        if account not in self._catalogs:
            self._catalogs[account] = self._find_catalog(account)
        return self._catalogs[account]

    def _find_catalog(self, account: str) -> dict[str, Any]:
        own = self.job.accounts[account].catalog
        if own:
            found: dict[str, Any] = json.loads(Path(self.job.path(own)).read_text("utf-8"))
            return found
        name = f"catalogs/{self.job.tap_name}/{account}.json"
        body = self.store.read(name)
        if body is None:
            body = self._ask(account, "--discover")
            self.store.write(name, body)
        catalog: dict[str, Any] = json.loads(body)
        return catalog

    def prime(self, account: str) -> list[str]:
        """Create the account's tables, so that workers do not race to.

        Returns:
            The streams that were announced to the target.

        Raises:
            SliceFailed: The target failed.
        """
        catalog = self.catalog(account)
        wanted = {track.stream for track in self.tracks([account])}
        others = {entry["tap_stream_id"] for entry in catalog["streams"]} - wanted
        lines = self._ask(account, "--test=schema").splitlines(keepends=True)
        schemas = [(json.loads(line)["stream"], line) for line in lines if b'"SCHEMA"' in line]
        chosen = {name: line for name, line in schemas if name not in others}
        target = subprocess.Popen(  # noqa: S603 - the job's own target
            self.job.target_command(account),
            env=self.job.environment(account, {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        if target.stdin is not None:
            pump(chosen.values(), target.stdin, Passed(""))
            target.stdin.close()
        if target.wait():
            raise SliceFailed(f"The target ended with {target.returncode}; see its messages.")
        return sorted(chosen)

    def _ask(self, account: str, option: str) -> bytes:
        """Give what the tap prints.

        Raises:
            TapError: It failed.
        """
        done = subprocess.run(  # noqa: S603 - the job's own tap
            [*self.job.tap_command(account), option],
            check=False,
            env=self.job.environment(account, {}),
            stdout=subprocess.PIPE,
        )
        if done.returncode:
            raise TapError(f"{self.job.tap_name} {option} failed for '{account}'; see above.")
        return done.stdout
