"""Serves vendors over real sockets: one port each, one thread a connection."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from contact_sandbox.faults import Fault, Faults
from contact_sandbox.http_reader import BadRequestError, read_request
from contact_sandbox.request_log import LoggedRequest, RequestLog
from contact_sandbox.vendor import Reply, Request, Vendor
from contact_sandbox.wire import Writer

_BACKLOG = 256


class Server:
    """HTTP/1.1 servers on the loopback interface, one port for each vendor.

    Attributes:
        vendors: The vendors by name.
        faults: What goes wrong at the wire; may be replaced while serving.
        latency: Seconds before each request is handled; may be changed while serving.
        log: Every answered request.
        errors: Tracebacks of exceptions out of the imitations, which answer 500: always a bug.
    """

    def __init__(
        self,
        vendors: Sequence[Vendor],
        *,
        faults: Faults | None = None,
        latency: float = 0.0,
        host: str = "127.0.0.1",
        port_base: int = 0,
        gzip: bool = True,
    ) -> None:
        """Prepare to serve; nothing listens before `start` or the `with` block.

        Args:
            vendors: At most one instance of each vendor.
            faults: Faults at the wire; default none.
            latency: Seconds before each request is handled.
            host: Address to listen on.
            port_base: Port of the first vendor, the others follow; 0 takes free ones.
            gzip: Whether a client that asks for gzip gets it.

        Raises:
            ValueError: Two vendors of one name.
        """
        self.vendors = {vendor.name: vendor for vendor in vendors}
        if len(self.vendors) != len(vendors):
            message = "two vendors of one name"
            raise ValueError(message)
        self.faults = faults or Faults()
        self.latency = latency
        self.log = RequestLog()
        self.errors: list[str] = []
        self._host = host
        self._port_base = port_base
        self._gzip = gzip
        self._listeners: dict[str, socket.socket] = {}
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Start serving."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving."""
        self.stop()

    def start(self) -> None:
        """Listen on every vendor's port."""
        for place, vendor in enumerate(self.vendors.values()):
            port = self._port_base + place if self._port_base else 0
            listener = socket.create_server((self._host, port), backlog=_BACKLOG)
            self._listeners[vendor.name] = listener
            thread = threading.Thread(target=self._accept, args=(vendor, listener), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Close the ports and every connection."""
        for listener in self._listeners.values():
            _close(listener)
        for thread in self._threads:
            thread.join(timeout=5)
        self._listeners.clear()
        self._threads.clear()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _close(connection)

    def url(self, vendor: str) -> str:
        """Return the address that `vendor` is served at, without a slash at the end."""
        port = self._listeners[vendor].getsockname()[1]
        return f"http://{self._host}:{port}"

    def settings(self, vendor: str) -> dict[str, object]:
        """Return a complete tap configuration for `vendor` as it is served here."""
        return self.vendors[vendor].settings(self.url(vendor))

    def _accept(self, vendor: Vendor, listener: socket.socket) -> None:
        """Give each connection a thread until the port is closed."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(vendor, connection), daemon=True).start()

    def _serve(self, vendor: Vendor, connection: socket.socket) -> None:
        """Answer the requests of one connection; a client that goes away is no news."""
        try:
            with connection, connection.makefile("rwb") as stream:
                keep = True
                while keep:
                    received = read_request(stream)  # type: ignore[arg-type]
                    if received is None:
                        return
                    keep = self._answer(vendor, connection, received[0], keep=received[1])
        except BadRequestError as error:
            self.errors.append(f"{vendor.name}: no HTTP request: {error}")
        except (OSError, ValueError):
            return
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _answer(
        self, vendor: Vendor, connection: socket.socket, request: Request, *, keep: bool
    ) -> bool:
        """Answer one request; return whether the connection can be used again."""
        arrival = time.time()
        in_flight = self.log.arrive(vendor.name)
        left = threading.Event()

        def leave() -> None:
            if not left.is_set():
                left.set()
                self.log.leave(vendor.name)

        try:
            if self.latency:
                time.sleep(self.latency)
            fault = self.faults.draw(vendor.name, vendor.fault_key(request))
            reply, fault = self._reply(vendor, request, fault)
            no_answer = fault is not None and fault.before_body
            entry = LoggedRequest(
                arrival, vendor.name, request.method, request.path, request.query, request.body,
                0 if no_answer else reply.status, fault.kind if fault else None, in_flight,
            )  # fmt: skip
            self.log.add(entry)
            writer = Writer(connection, request, leave, gzip=self._gzip)
            if no_answer:
                writer.reset()
                return False
            return writer.send(reply, fault, keep=keep)
        finally:
            leave()

    def _reply(
        self, vendor: Vendor, request: Request, fault: Fault | None
    ) -> tuple[Reply, Fault | None]:
        """Return the reply to send and the fault that damages it."""
        if fault and (fault.status or fault.before_body):
            return (_page(fault) if fault.status else Reply()), fault
        try:
            reply = vendor.handle(request)
        except Exception:  # noqa: BLE001 - a bug of the imitation must reach the test
            self.errors.append(traceback.format_exc())
            return Reply(500, "the sandbox failed; see Server.errors"), None
        if fault and fault.kind in ("html", "invalid-json") and not _is_json(reply):
            fault = Fault("502", fault.fraction)
            return _page(fault), fault
        if fault and fault.kind == "html":
            return _page(fault), fault
        return reply, fault


def _page(fault: Fault) -> Reply:
    """Return the page that stands in for the vendor's answer."""
    return Reply(*fault.answer())


def _is_json(reply: Reply) -> bool:
    """Tell whether a reply is a JSON document, so that damage to it can be noticed."""
    if isinstance(reply.body, dict | list):
        return True
    media_type = reply.headers.get("Content-Type", "")
    return media_type.startswith("application/json") and isinstance(reply.body, bytes | str)


def _close(opened: socket.socket) -> None:
    """Close a socket that another thread may be waiting on."""
    with contextlib.suppress(OSError):  # the other side may be gone already
        opened.shutdown(socket.SHUT_RDWR)
    opened.close()
