"""Writes HTTP/1.1 replies to a connection, whole or damaged on purpose."""

from __future__ import annotations

import gzip
import socket
import struct
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus

from contact_sandbox.faults import Fault
from contact_sandbox.vendor import Reply, Request

_SMALL = 1400
_DRIPS = 8
_DRIP_PAUSE = 0.02


class Writer:
    """Sends the reply to one request over a connection."""

    def __init__(
        self, connection: socket.socket, request: Request, done: Callable[[], None], *, gzip: bool
    ) -> None:
        """Prepare to answer.

        Args:
            connection: The connected socket.
            request: What is answered.
            done: Called just before the last bytes are sent.
            gzip: Whether a client that asks for gzip gets it.
        """
        self._connection = connection
        self._head_only = request.method == "HEAD"
        self._done = done
        asked = "gzip" in request.headers.get("accept-encoding", "")
        self._gzip = gzip and asked and "range" not in request.headers

    def send(self, reply: Reply, fault: Fault | None, *, keep: bool) -> bool:
        """Send `reply`, damaged by `fault`; return whether the connection can be used again."""
        content, media_type = reply.content()
        headers = {"Content-Type": media_type, **reply.headers}
        kind = fault.kind if fault else None
        if not isinstance(content, bytes):
            if kind is None and not self._head_only:
                return self._send_stream(reply.status, headers, content, keep=keep)
            content = b"".join(content)
        if fault and kind == "invalid-json":
            content = _broken_json(content, fault)
        content = self._compress(content, headers)
        head = _head(reply.status, {**headers, "Content-Length": str(len(content))}, keep=keep)
        if self._head_only:
            content = b""
        if fault and kind in ("truncate", "reset"):
            self._send_part(head, content, fault)
            return False
        if kind == "slow":
            self._drip(head + content)
        else:
            self._send_whole(head + content)
        return keep

    def reset(self) -> None:
        """Close the connection so that the client sees a reset."""
        self._done()
        reset(self._connection)

    def _send_whole(self, payload: bytes) -> None:
        """Send everything at once but for the last byte, which follows `done`."""
        view = memoryview(payload)
        self._connection.sendall(view[:-1])
        self._done()
        self._connection.sendall(view[-1:])

    def _send_part(self, head: bytes, content: bytes, fault: Fault) -> None:
        """Send the head and a part of the content, then end or reset the connection."""
        part = content[: int(len(content) * fault.fraction)]
        self._done()
        self._connection.sendall(head + part)
        if fault.kind == "reset":
            reset(self._connection)

    def _drip(self, payload: bytes) -> None:
        """Send the payload in a few pieces with pauses."""
        step = max(1, len(payload) // _DRIPS)
        for place in range(0, len(payload) - 1, step):
            self._connection.sendall(payload[place : min(place + step, len(payload) - 1)])
            time.sleep(_DRIP_PAUSE)
        self._send_whole(payload[-1:])

    def _send_stream(
        self, status: int, headers: dict[str, str], pieces: Iterable[bytes], *, keep: bool
    ) -> bool:
        """Send the pieces as they come, chunked."""
        self._connection.sendall(
            _head(status, {**headers, "Transfer-Encoding": "chunked"}, keep=keep)
        )
        for piece in pieces:
            if piece:
                self._connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        self._done()
        self._connection.sendall(b"0\r\n\r\n")
        return keep

    def _compress(self, content: bytes, headers: dict[str, str]) -> bytes:
        """Return the content, compressed where that is asked for and worth it."""
        text = headers["Content-Type"].startswith(("text/", "application/json"))
        if not (self._gzip and text and len(content) > _SMALL) or "Content-Encoding" in headers:
            return content
        headers["Content-Encoding"] = "gzip"
        return gzip.compress(content, compresslevel=1)


def reset(connection: socket.socket) -> None:
    """Close a connection with a TCP reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _broken_json(content: bytes, fault: Fault) -> bytes:
    """Return the content cut or garbled so that it is no JSON any more."""
    if fault.fraction < 1 / 2:
        return content[: max(1, int(len(content) * fault.fraction))].rstrip(b"0123456789") + b"{"
    return b"<!-- -->" + content


def _head(status: int, headers: dict[str, str], *, keep: bool) -> bytes:
    """Return the status line and the header fields."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    fields = {"Server": "sandbox", **headers, "Connection": "keep-alive" if keep else "close"}
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {text}" for name, text in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
