"""`tap-backfill`: plan, run, missing, done, seal, prime.

Exit codes: 0 done; 1 something failed or is left; 2 the job is wrong; 3 (`missing` alone) something
is missing; 143 or 130 after SIGTERM or SIGINT, with what was finished by then in the ledger.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from tap_shared.backfill.book import Book
from tap_shared.backfill.job import read_job
from tap_shared.backfill.leash import signal_at_death
from tap_shared.backfill.slices import Slice, Track
from tap_shared.backfill.worker import Worker
from tap_shared.errors import SettingRefused, TapError
from tap_shared.instants import instant_text
from tap_shared.settings import instant_setting
from tap_shared.windows import Window

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]

_LEFT, _MISSING = 1, 3


class _Commands(click.Group):
    """Errors are one line."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
        try:
            return super().main(*args, **kwargs)
        except TapError as err:
            click.echo(f"tap-backfill: {err}", err=True)
            sys.exit(err.exit_code)


@click.group(cls=_Commands)
def main() -> None:
    """Backfill in slices that workers on many machines take from one ledger."""


def _choice(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which part of the job is meant."""
    options = (
        click.argument("job"),
        click.option("--account", "accounts", multiple=True, help="Only this account; repeatable."),
        click.option("--stream", "streams", multiple=True, help="Only this stream; repeatable."),
        click.option("--from", "start", help="Only from this date or date-time."),
        click.option("--to", "end", help="Only to this date or date-time, exclusive."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _chosen(
    job: str, start: str | None, end: str | None, **of: tuple[str, ...]
) -> tuple[Book, list[Track]]:
    """Give the job's book and the tracks that are meant."""
    found = read_job(job)
    whole = found.whole
    first = instant_setting("from", start) if start else whole.start
    last = instant_setting("to", end) if end else whole.end
    if first >= last:
        raise SettingRefused("to", "must be after --from.")
    book = Book(found, Window(first, last))
    return book, book.tracks(**of)


@main.command()
@_choice
def plan(**of: Any) -> None:
    """Print every slice, done or not, as JSON lines."""
    book, tracks = _chosen(**of)
    for track in tracks:
        _print(book.plan(track))


@main.command()
@_choice
@click.option("--quiet", is_flag=True, help="Only tell by the exit code: 0 none, 3 some.")
def missing(*, quiet: bool, **of: Any) -> None:
    """Print the slices that the ledger lacks, as JSON lines; exit with 3 where there are some."""
    book, tracks = _chosen(**of)
    count = 0
    for track in tracks:
        found = list(book.missing(track))
        count += len(found)
        if not quiet:
            _print(found)
    sys.exit(_MISSING if count else 0)


@main.command()
@_choice
def done(**of: Any) -> None:
    """Print the ledger's entries as JSON lines: rows, keys, seconds."""
    book, tracks = _chosen(**of)
    for track in tracks:
        for entry in book.done(track):
            click.echo(msgspec.json.encode(entry))


@main.command()
@_choice
@click.option("--worker", default=f"{socket.gethostname()}-{os.getpid()}", help="Its name.")
@click.option("--lease", default=60.0, help="Seconds until the lane of a dead worker is free.")
@click.option("--attempts", default=2, help="Failures in a row after which a stream is given up.")
@click.option("--longest", type=float, help="Seconds after which a slice is cut short.")
@click.option("--leash", is_flag=True, help="Stop when the process that started it dies (Linux).")
@click.option("--wait/--no-wait", default=True, help="Wait for accounts that others work on.")
def run(*, worker: str, lease: float, leash: bool, wait: bool, **given: Any) -> None:
    """Run what is missing, account by account, until nothing is."""
    limits = {name: given.pop(name) for name in ("attempts", "longest")}
    running = Worker(*_chosen(**given), name=worker, ttl=lease, waits=wait, **limits)
    stopped = _stop_on_signals(running)
    if leash:
        signal_at_death(signal.SIGTERM)
    done = running.work()
    if stopped:
        sys.exit(128 + stopped[0])
    sys.exit(0 if done else _LEFT)


@main.command()
@_choice
@click.option("--into", type=click.Path(file_okay=False), help="Write <account>.json in here.")
def seal(job: str, into: str | None, accounts: tuple[str, ...], **_: Any) -> None:
    """Print the incremental state of an account, up to the first hole of each stream."""
    book = Book(read_job(job))
    chosen = accounts or tuple(book.job.accounts)
    if into is None and len(chosen) > 1:
        raise click.UsageError("Choose one --account, or --into a folder.")
    for account in chosen:
        text = json.dumps(book.seal(account))
        if into is None:
            click.echo(text)
            continue
        Path(into).mkdir(parents=True, exist_ok=True)
        Path(into, f"{account}.json").write_text(text + "\n", encoding="utf-8")


@main.command()
@_choice
def prime(job: str, accounts: tuple[str, ...], **_: Any) -> None:
    """Discover each account's streams and create the tables, once and before any worker runs."""
    book = Book(read_job(job))
    for account in accounts or book.job.accounts:
        click.echo(f"{account}: {', '.join(book.prime(account))}", err=True)


def _print(found: Iterable[Slice]) -> None:
    for piece in found:
        click.echo(json.dumps({"id": piece.id, **_told(piece.track), **_edges(piece.window)}))


def _told(track: Track) -> dict[str, Any]:
    context = dict(track.context)
    return {
        "tap": track.tap, "account": track.account, "stream": track.stream, "partition": context,
    }  # fmt: skip


def _edges(window: Window) -> dict[str, str]:
    return {"start": instant_text(window.start), "end": instant_text(window.end)}


def _stop_on_signals(worker: Worker) -> list[int]:
    """Stop the worker in an orderly way at the first signal; give the list that will hold it."""
    seen: list[int] = []

    def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        seen.append(signum)
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return seen
