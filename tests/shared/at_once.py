"""Asks from several threads at one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["THREADS", "at_once"]

THREADS = 8

T = TypeVar("T")


def at_once(ask: Callable[[], T]) -> list[T]:
    """Give what each thread got."""
    start = threading.Barrier(THREADS)

    def one(_: int) -> T:
        start.wait()
        return ask()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))
