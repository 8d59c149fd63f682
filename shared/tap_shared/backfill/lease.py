"""Lanes: one worker at a time reads an account, whichever machine it is on.

A vendor counts an account's requests, and the tap keeps to the limits inside its process; so the
account belongs to one process at a time. A lease is an object with a number in its name. Whoever
creates the next number holds the lane; creating is exclusive. A holder that died stops renewing,
and after `ttl` seconds another one may create the next number.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from tap_shared.backfill.store import Store
from tap_shared.decoders import decoder

__all__ = ["Lease", "take"]


class _Held(msgspec.Struct):
    """What a lease object says: who holds it, and until when (seconds since the epoch)."""

    holder: str
    until: float


class Lease:
    """A lane that is held while a `with` block runs; a thread renews it.

    Args:
        store: The ledger's store.
        name: The lease object.
        holder: The worker.
        ttl: Seconds after which a lease that is not renewed is free.
        lost: Called when another worker has taken the lane, because renewing was held up.
    """

    def __init__(
        self, store: Store, name: str, holder: str, ttl: float, lost: Callable[[], None]
    ) -> None:
        """Keep the arguments."""
        self._store, self._name, self._holder, self._ttl = store, name, holder, ttl
        self._lost = lost
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        """Begin renewing."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the lane."""
        self._done.set()
        self._thread.join()
        if _newest(self._store, _folder(self._name)) == self._name:
            self._store.write(self._name, _held(self._holder, 0))

    def _renew(self) -> None:
        renewed = time.monotonic()
        while not self._done.wait(self._ttl / 4):
            try:
                if _newest(self._store, _folder(self._name)) != self._name:
                    self._lost()
                    return
                self._store.write(self._name, _held(self._holder, time.time() + self._ttl))
                renewed = time.monotonic()
            except Exception:  # noqa: BLE001 - the store may be back before the lease ends
                if time.monotonic() - renewed > self._ttl / 2:
                    self._lost()
                    return


def take(
    store: Store, lane: str, holder: str, ttl: float, lost: Callable[[], None]
) -> Lease | None:
    """Take a lane, if it is free.

    Machines' clocks must agree to well under `ttl`.

    Returns:
        The lease, to be entered; None where another worker holds the lane.
    """
    folder = f"lanes/{lane}"
    newest = _newest(store, folder)
    if newest:
        body = store.read(newest)
        if body is None or decoder(_Held).decode(body).until > time.time():
            return None
    number = int(newest.rpartition("/")[2]) + 1 if newest else 1
    name = f"{folder}/{number:08}"
    if not store.create(name, _held(holder, time.time() + ttl)):
        return None
    if newest:
        store.remove(newest)
    return Lease(store, name, holder, ttl, lost)


def _newest(store: Store, folder: str) -> str | None:
    names = store.names(folder)
    return f"{folder}/{names[-1]}" if names else None


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _held(holder: str, until: float) -> bytes:
    return msgspec.json.encode(_Held(holder, until))
