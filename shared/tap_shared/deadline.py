"""The end of an attempt: no answer, head or body, is read any longer, however steadily bytes come.

A socket's timeout bounds the wait for each byte, which a vendor that drips, or that sends interim
answers for ever, never exceeds.
"""

from __future__ import annotations

import io
import math
import socket
import time
from http.client import HTTPResponse
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager

__all__ = ["DeadlineAdapter"]


class _Until(io.RawIOBase):
    """What a socket gives until a moment.

    Args:
        source: The socket's bytes.
        sock: The socket.
        seconds: How long from now on.
    """

    def __init__(self, source: io.RawIOBase, sock: socket.socket, seconds: float) -> None:
        self._source = source
        self._sock = sock
        self._end = time.monotonic() + seconds
        self._patience = sock.gettimeout() or math.inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read some.

        Raises:
            TimeoutError: The time is over.
        """
        left = self._end - time.monotonic()
        if left < self._patience:
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
        return self._source.readinto(buffer)

    def close(self) -> None:
        super().close()
        self._source.close()


class _Response(HTTPResponse):
    """An answer whose reading, from its first line on, ends after so many seconds."""

    seconds: ClassVar[float]

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Until(self.fp.detach(), sock, self.seconds))


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose answers have to be read within some seconds.

    Args:
        seconds: From the moment on at which a request is sent.
        options: Those of requests.
    """

    def __init__(self, seconds: float, **options: Any) -> None:
        """Open nothing yet."""
        self._response = type("Response", (_Response,), {"seconds": seconds})
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self._bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> PoolManager:
        """Give the pools of a proxy's connections."""
        is_new = proxy not in self.proxy_manager
        manager: PoolManager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            self._bound(manager)
        return manager

    def _bound(self, manager: PoolManager) -> None:
        """Let every connection of some pools read its answers so, whatever kind it is."""
        manager.pool_classes_by_scheme = {
            scheme: type(pool.__name__, (pool,), {"ConnectionCls": self._connection(pool)})
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def _connection(self, pool: Any) -> type:
        kind = pool.ConnectionCls
        return type(kind.__name__, (kind,), {"response_class": self._response})
