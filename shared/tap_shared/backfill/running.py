"""Runs one slice: the ordinary tap, pinned, into the ordinary target; no state in, none out."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from tap_shared.backfill.job import Job
from tap_shared.backfill.leash import leashed
from tap_shared.backfill.ledger import Entry, Reach
from tap_shared.backfill.pipe import Passed, pump
from tap_shared.backfill.slices import Slice
from tap_shared.errors import TapError
from tap_shared.instants import instant_text, parse_instant
from tap_shared.state import KEY, VALUE
from tap_shared.windows import Window

__all__ = ["SliceFailed", "SliceRun", "catalog_with"]


class SliceFailed(TapError):
    """A slice could not be read or loaded; it stays missing."""


class SliceRun:
    """One run of one slice.

    Args:
        job: The job.
        piece: The slice.
        catalog: What the tap offers the account.
    """

    def __init__(self, job: Job, piece: Slice, catalog: Mapping[str, Any]) -> None:
        """Keep the arguments; nothing runs."""
        self.job, self.piece = job, piece
        self.catalog = catalog_with(catalog, [piece.track.stream])
        self.id = uuid.uuid4().hex
        self._tap: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let the tap write its last safe state and end; callable from any thread or handler."""
        self._stopped.set()
        if self._tap is not None:
            self._tap.terminate()

    def run(self, longest: float | None = None) -> tuple[Window, Entry]:
        """Run to the end, or until `stop`, or for so many seconds at most.

        Returns:
            The window that the target now has, which is shorter than the slice where the run ended
            early, and its entry.

        Raises:
            SliceFailed: Nothing of it is certain.
        """
        started = time.monotonic()
        passed = Passed(_replication_key(self.catalog, self.piece.track.stream))
        timer = threading.Timer(longest, self.stop) if longest else None
        try:
            if timer:
                timer.start()
            code = self._through(passed)
        finally:
            if timer:
                timer.cancel()
        return self._judge(passed, code, time.monotonic() - started)

    def _through(self, passed: Passed) -> int:
        """Pipe the tap into the target; give the tap's exit code.

        Raises:
            SliceFailed: The target failed.
        """
        account = self.piece.track.account
        pins = self.job.pins(self.piece.track, self.piece.window)
        environment = self.job.environment(account, pins)
        command = self.job.tap_command(account)
        with _files(pins, self.catalog) as options:
            target = _start(self.job.target_command(account), environment, stdin=subprocess.PIPE)
            tap = _start([*command, *options], environment, stdout=subprocess.PIPE)
            self._tap = tap
            if self._stopped.is_set():
                tap.terminate()
            try:
                _pour(tap, target, passed)
                code, loaded = tap.wait(), target.wait()
            finally:
                self._tap = None
                for process in (tap, target):
                    process.kill()
                    process.wait()
        if loaded:
            raise SliceFailed(f"{self.piece}: the target ended with {loaded}; see its messages.")
        return code

    def _judge(self, passed: Passed, code: int, seconds: float) -> tuple[Window, Entry]:
        track, window = self.piece.track, self.piece.window
        found = passed.state.get("bookmarks", {}).get(track.stream, {})
        parts = [part for part in found.get("partitions", [found]) if part.get(VALUE)]
        reaches = [Reach(part.get("context"), part[VALUE]) for part in parts]
        # After a failure, partitions that were not begun are unknown; one alone tells for itself.
        is_sure = code == 0 or [part.get("context") for part in parts] == [track.context or None]
        ends = [parse_instant(reach.value).replace(microsecond=0) for reach in reaches]
        end = min([window.end, *ends])
        if not reaches or not is_sure or end <= window.start:
            raise SliceFailed(f"{self.piece}: {_why(code, has_any=bool(reaches))}")
        entry = Entry(
            id=self.piece.id,
            start=instant_text(window.start),
            end=instant_text(end),
            rows=dict(passed.rows),
            least=passed.least,
            most=passed.most,
            replication_key=parts[0][KEY],
            reaches=reaches,
            seconds=round(seconds, 3),
            finished_at=instant_text(datetime.now(UTC)),
            run_id=self.id,
            is_cut=end < window.end,
        )
        return Window(window.start, end), entry


def _why(code: int, *, has_any: bool) -> str:
    if code:
        return f"the tap ended with {code} before anything was certain; see its messages."
    if has_any:
        return "the vendor's data is not complete so late yet; run it again later."
    return "the tap wrote no bookmark: the vendor refuses the stream, or it keeps none."


def _pour(tap: subprocess.Popen[bytes], target: subprocess.Popen[bytes], passed: Passed) -> None:
    """Pass everything on and end the target's input."""
    source, sink = _pipe(tap.stdout), _pipe(target.stdin)
    try:
        pump(source, sink, passed)
        sink.close()
    except BrokenPipeError:
        tap.kill()
        with contextlib.suppress(BrokenPipeError):
            sink.close()
        if target.wait() == 0:  # it ended well before its input did, so it has not all of it
            raise SliceFailed("the target stopped reading; see its messages.") from None
    finally:
        source.close()


def _pipe(found: IO[bytes] | None) -> IO[bytes]:
    if found is None:
        msg = "the process was started without this pipe"
        raise ValueError(msg)
    return found


def _start(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the job's own tap and target
        leashed(list(command)),
        env=environment,
        stdin=stdin,
        stdout=stdout,
        bufsize=1 << 20,
        start_new_session=True,  # an interrupt at the terminal is for the worker alone
    )


@contextlib.contextmanager
def _files(pins: Mapping[str, Any], catalog: Mapping[str, Any]) -> Iterator[list[str]]:
    """Write pins (no secrets) and catalog; give the tap's options that name them."""
    with tempfile.TemporaryDirectory(prefix="tap-backfill-") as folder:
        options = []
        for name, content in (("config", pins), ("catalog", catalog)):
            path = Path(folder, f"{name}.json")
            path.write_text(json.dumps(content), encoding="utf-8")
            options += [f"--{name}", str(path)]
        yield options


def catalog_with(catalog: Mapping[str, Any], streams: Sequence[str]) -> dict[str, Any]:
    """Give a catalog with some streams selected and the others not."""
    entries = []
    for entry in catalog["streams"]:
        chosen = {"selected": entry["tap_stream_id"] in streams}
        metadata = [
            {**node, "metadata": {**node["metadata"], **chosen}} if not node["breadcrumb"] else node
            for node in entry["metadata"]
        ]
        entries.append({**entry, **chosen, "metadata": metadata})
    return {**catalog, "streams": entries}


def _replication_key(catalog: Mapping[str, Any], stream: str) -> str:
    entry = next(one for one in catalog["streams"] if one["tap_stream_id"] == stream)
    return entry.get("replication_key") or ""
