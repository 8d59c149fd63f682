"""A tap that waits a fraction of what it would, for tests of what comes after the waiting.

python -m tests.contract.short_waits tap_callgear --config config.json
"""

from __future__ import annotations

import sys
from typing import Any

from tap_shared.rate_limit import RateLimit
from tests.contract.tap_class import tap_class

__all__ = ["shorten_waits"]

_FASTER = 50


def shorten_waits() -> None:
    """Let every gate of this process pause, hold and space that much less."""
    make, pause, hold = RateLimit.__init__, RateLimit.pause, RateLimit.hold

    def quick(gate: RateLimit, *, per_minute: float = 0, **how: Any) -> None:
        make(gate, per_minute=per_minute * _FASTER, **how)

    def short_pause(gate: RateLimit, seconds: float) -> None:
        pause(gate, seconds / _FASTER)

    def short_hold(gate: RateLimit, seconds: float) -> None:
        hold(gate, seconds / _FASTER)

    RateLimit.__init__ = quick  # type: ignore[assignment,method-assign]
    RateLimit.pause = short_pause  # type: ignore[assignment,method-assign]
    RateLimit.hold = short_hold  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    shorten_waits()
    tap_class(sys.argv[1]).cli(args=sys.argv[2:])
