"""One served imitation of Infinity for each file of tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contact_sandbox import Server
from contact_sandbox.infinity.api import InfinityVendor
from tests.sandbox.infinity.client import Client, serve


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve it."""
    with serve() as running:
        yield running
        assert running.errors == []


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    """Give a client of it."""
    return Client(server.url("infinity"))


@pytest.fixture(scope="module")
def vendor(server: Server) -> InfinityVendor:
    """Give what is served."""
    found = server.vendors["infinity"]
    assert isinstance(found, InfinityVendor)
    return found
