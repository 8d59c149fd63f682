"""A port for a program that has to be told one, and that takes a while until it listens."""

from __future__ import annotations

import secrets
import socket

__all__ = ["free_port"]

# Below what systems hand out by themselves: a sandbox of another test cannot get it meanwhile.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Give the number of a port of the loopback address on which nothing listens."""
    while True:
        port = secrets.choice(_PORTS)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
