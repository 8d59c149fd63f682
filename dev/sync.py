"""`run.py sync`: which taps, from where, into what, and what came of it."""

from __future__ import annotations

import signal
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from dev import imitation
from dev.credentials import LOGINS, environment, has_credentials, logins_text
from dev.destination import destination
from dev.layout import taps
from dev.pipeline import Pipeline, read_bookmarks
from dev.problem import Problem
from dev.report import overview, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from dev.destination import Destination
    from dev.pipeline import Outcome


def sync(wanted: Sequence[str], *, to: str, full_refresh: bool) -> int:
    """Sync taps into a warehouse and print what is in it.

    Args:
        wanted: Names with or without `tap-`; none for every tap.
        to: `postgres`, `snowflake` or `jsonl`.
        full_refresh: Whether to read everything again instead of going on at the bookmarks.

    Returns:
        0, or 1 when a tap failed.
    """
    # A terminated sync unwinds like an interrupted one: Meltano and the warehouse are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    variables = environment()
    chosen, sandbox = choose(wanted, variables)
    source: AbstractContextManager[dict[str, str]] = (
        imitation.serving(chosen) if sandbox else nullcontext({})
    )
    with destination(to, variables) as target, source as settings:
        print(f"Loading into {target.title}.")
        base = {**variables, **settings}
        suffix = f"sandbox-{imitation.moment():%Y%m%d%H%M%S}-" if sandbox else ""
        pipeline = Pipeline(target.loader, suffix + target.identity, full_refresh=full_refresh)
        outcomes = [_sync_one(tap, pipeline, target, base, sandbox=sandbox) for tap in chosen]
        read_bookmarks(outcomes, base)
        rows = {tap: target.rows(tap, sandbox=sandbox) for tap in chosen}
    print("\n" + table(outcomes, rows))
    print(overview(outcomes, rows))
    return int(any(outcome.code for outcome in outcomes))


def choose(wanted: Sequence[str], variables: dict[str, str]) -> tuple[list[str], bool]:
    """Choose the taps to sync.

    Returns:
        The taps, and whether the sandbox is their source.

    Raises:
        Problem: A tap does not exist, or has no credentials while others have.
    """
    installed = taps()
    named = [name if name.startswith("tap-") else f"tap-{name}" for name in wanted]
    unknown = [name for name in named if name not in installed]
    if unknown or not installed:
        there = ", ".join(installed) or "no tap"
        raise Problem(f"there is no {', '.join(unknown) or 'tap'} here; there is {there}.", 2)
    ready = [tap for tap in installed if has_credentials(tap, variables)]
    if not ready:
        return _imitated(named or installed), True
    without = [tap for tap in named if tap not in ready]
    if without:
        texts = "; ".join(f"{tap}: {logins_text(tap)}" for tap in without)
        raise Problem(f"no credentials in the environment or .env: set {texts}.", 2)
    left_out = [tap for tap in installed if tap not in ready and not named]
    print(f"Credentials found for {', '.join(named or ready)}.")
    if left_out:
        print(f"Left out, for want of credentials: {', '.join(left_out)}.")
    return named or ready, False


def _imitated(wanted: list[str]) -> list[str]:
    """Return those of the taps that the sandbox can serve, after saying that it is used."""
    served = [tap for tap in wanted if tap in imitation.imitated()]
    known = ", ".join(logins_text(tap) for tap in wanted if tap in LOGINS)
    print(f"No credentials in the environment or .env (looked for {known}).")
    if not served:
        raise Problem(f"the sandbox imitates no vendor of {', '.join(wanted)}.")
    print(f"Starting the sandbox: imitated vendors on this machine for {', '.join(served)}.")
    return served


def _sync_one(
    tap: str, pipeline: Pipeline, target: Destination, base: dict[str, str], *, sandbox: bool
) -> Outcome:
    """Sync one tap and say how it went."""
    print(f"{tap}: reading into {target.place(tap, sandbox=sandbox)} ...", flush=True)
    outcome = pipeline.run(tap, {**base, **target.environment(tap, sandbox=sandbox)})
    read = sum(outcome.read.values())
    if outcome.code:
        reason = "see its errors above" if outcome.errors else outcome.reason
        print(f"{tap}: FAILED after {outcome.seconds:.1f} s and {read:,} rows: {reason}")
    else:
        print(f"{tap}: {read:,} rows of {len(outcome.read)} streams in {outcome.seconds:.1f} s")
    return outcome
