"""Trying again: how often, after how long, and what is said in the end."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import backoff

from tap_shared.errors import (
    PleaseRetry,
    PleaseWait,
    StreamFailed,
    TapError,
    TimedOut,
    Unreachable,
    WindowTooLarge,
)
from tap_shared.rate_limit import RateLimit
from tap_shared.request import Limits, Request

__all__ = ["Ground", "persist"]

T = TypeVar("T")

_TIMEOUTS = 2


class Ground(Protocol):
    """What all requests of a credential share.

    Attributes:
        gate: The credential's limiter.
        limits: Bounds of one request.
        logger: Where tries are told.
        answers: Answers that came, of any status.
        retries: Tries after a failed one.
    """

    gate: RateLimit
    limits: Limits
    logger: logging.Logger
    answers: int
    retries: int


def persist(ground: Ground, request: Request, attempt: Callable[[], T]) -> T:
    """Make attempts until one succeeds.

    Args:
        ground: What all requests of the credential share.
        request: What the attempts ask, for logs and errors.
        attempt: Raises `PleaseRetry` or its kin where another attempt may help.

    Returns:
        What `attempt` returns.

    Raises:
        StreamFailed: The tries are used up, or the vendor asks for too long a wait.
        Unreachable: The tries are used up, and no request of the run was ever answered.
        TapError: Whatever `attempt` decided.
    """
    failures = Failures(ground, request)

    @backoff.on_exception(
        backoff.expo,
        PleaseRetry,
        max_tries=ground.limits.attempts,
        max_time=ground.limits.total_seconds,
        jitter=None,
        factor=0,
        logger=None,
        giveup=failures.is_final,
        on_backoff=failures.pause,
    )
    def attempts() -> T:
        return attempt()

    while True:
        try:
            return attempts()
        except PleaseWait as wait:
            failures.wait(wait)
        except PleaseRetry as err:
            raise failures.verdict(err) from None


class Failures:
    """What has gone wrong with one request so far, and how long to wait for the next try.

    Args:
        ground: What all requests of the credential share.
        request: The request.
    """

    def __init__(self, ground: Ground, request: Request) -> None:
        """Begin without any."""
        self._ground = ground
        self._request = request
        self._begun = time.monotonic()
        self._waits = 0
        self._retries = 0
        self._timeouts = 0

    @staticmethod
    def is_final(err: Exception) -> bool:
        """Tell whether our own loop, not another try, deals with it."""
        return type(err) not in {PleaseRetry, TimedOut}

    def pause(self, details: Any) -> None:
        """Wait with full jitter, or as long as the vendor says.

        `backoff` counts and gives up; the pause is ours, so that the end of the run can cut it.
        """
        ground, err = self._ground, details["exception"]
        ground.retries += 1
        self._retries += 1
        self._timeouts += isinstance(err, TimedOut)
        if self._request.is_window and self._timeouts >= _TIMEOUTS:
            raise WindowTooLarge(str(err))
        cap = min(ground.limits.backoff_seconds, 2.0 ** (details["tries"] - 1))
        seconds = backoff.full_jitter(cap) if err.after is None else self._bounded(err)
        ground.logger.info(
            "%s: %s; try %d of %d in %.1f s.", self._request.what, err, details["tries"] + 1,
            ground.limits.attempts, seconds,
        )  # fmt: skip
        ground.gate.pause(seconds)

    def wait(self, err: PleaseWait) -> None:
        """Let everybody wait for a limit to reset; such waits do not use up the tries."""
        ground = self._ground
        ground.retries += 1
        self._retries += 1
        self._waits += 1
        floor = min(ground.limits.backoff_seconds, 0.05 * 2.0**self._waits)
        asked = random.uniform(1, 2) if err.after is None else self._bounded(err)  # noqa: S311
        seconds = max(asked, floor)
        if time.monotonic() - self._begun + seconds > ground.limits.total_seconds:
            raise self.verdict(err)
        ground.logger.info("%s: %s; all requests wait %.1f s.", self._request.what, err, seconds)
        ground.gate.refused(seconds)

    def _bounded(self, err: PleaseRetry) -> float:
        after = err.after or 0.0
        if after > self._ground.limits.longest_wait:
            msg = (
                f"{self._request.what}: the vendor asks to wait {after:.0f} s ({err}), longer than"
                f" the {self._ground.limits.longest_wait:.0f} s this run waits. Run again later."
            )
            raise StreamFailed(msg)
        return after

    def verdict(self, err: PleaseRetry) -> TapError:
        """Give the error that ends the request."""
        if type(err) not in {PleaseRetry, PleaseWait, TimedOut}:
            return err
        tries = self._retries + 1
        times = f"{tries} time{'s' * (tries > 1)}"
        said = f"{self._request.what} failed {times}, the last time with: {err}."
        if not self._ground.answers:
            return Unreachable(f"{said} Nothing was ever answered: check api_url and the network.")
        return StreamFailed(f"{said} Run again later; what was read is kept in the state.")
