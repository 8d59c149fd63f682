"""Starts the sandbox for a sync, with the same data every time."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dev.layout import WAREHOUSE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SEED = 1
NOTE = WAREHOUSE / "sandbox.json"


def moment() -> datetime:
    """Return the present in which the sandbox lives: the instant of its first use here.

    All its rows are placed relative to it, so that a later sync finds the same rows.
    """
    if not NOTE.is_file():
        NOTE.parent.mkdir(exist_ok=True)
        now = datetime.now(UTC).replace(microsecond=0)
        NOTE.write_text(json.dumps({"now": now.isoformat()}), encoding="utf-8")
    return datetime.fromisoformat(json.loads(NOTE.read_text(encoding="utf-8"))["now"])


def imitated() -> list[str]:
    """Return the taps whose vendors the sandbox imitates."""
    from contact_sandbox.registry import vendor_names  # noqa: PLC0415 - a member may be missing

    return [f"tap-{name}" for name in vendor_names()]


@contextmanager
def serving(taps: Sequence[str]) -> Iterator[dict[str, str]]:
    """Serve the taps' vendors on the loopback interface; yield the taps' environment."""
    from contact_sandbox.__main__ import environment  # noqa: PLC0415
    from contact_sandbox.registry import vendor_class  # noqa: PLC0415
    from contact_sandbox.server import Server  # noqa: PLC0415

    names = [tap.removeprefix("tap-") for tap in taps]
    vendors = [vendor_class(name)(seed=SEED, now=moment()) for name in names]
    with Server(vendors) as server:
        lines = [line for name in names for line in environment(server, name)]
        yield dict(line.split("=", 1) for line in lines)
