"""A server that answers with any bytes at all, over real sockets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import BinaryIO, Self

Answer = bytes | Iterable[bytes]


def reply(
    body: bytes = b"{}",
    status: str = "200 OK",
    headers: Sequence[str] = (),
    *,
    length: int | None = None,
) -> bytes:
    """Give a whole HTTP answer; `length` lies about the body's."""
    told = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {told}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def dripping(payload: bytes, pause: float) -> Iterable[bytes]:
    """Give bytes one by one."""
    for place in range(len(payload)):
        time.sleep(pause)
        yield payload[place : place + 1]


class RawServer:
    """Answers each request with the next of its answers, the last one again and again.

    Attributes:
        requests: What came, as text, head and body.
        connections: How many connections were opened.
    """

    def __init__(
        self, *answers: Answer | Callable[[str], Answer], tls: ssl.SSLContext | None = None
    ) -> None:
        """Prepare; an empty answer closes the connection."""
        self._tls = tls
        self.answers = list(answers)
        self.requests: list[str] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Listen."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            still = list(self._open)
        for connection in still:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            stream = stack.enter_context(stack.enter_context(connection).makefile("rb"))
            while request := _read(stream):
                with self._lock:
                    self.requests.append(request)
                    at = min(len(self.requests), len(self.answers)) - 1
                answer = self.answers[at]
                answer = answer(request) if callable(answer) else answer
                if not answer:
                    return
                for piece in [answer] if isinstance(answer, bytes) else answer:
                    connection.sendall(piece)
                if b"Connection: close" in (answer if isinstance(answer, bytes) else b""):
                    return


def _read(stream: BinaryIO) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return ""
        head += line
    length = 0
    for field in head.decode("latin-1").split("\r\n"):
        if field.lower().startswith("content-length:"):
            length = int(field.partition(":")[2])
    body = stream.read(length)
    return (head + body).decode("latin-1")
