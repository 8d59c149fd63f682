"""Fixtures for tests of the imitations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from contact_sandbox import Server
from contact_sandbox.callgear.api import CallGear
from tests.sandbox.callgear_client import NOW, OpenCallGear, Rpc


@pytest.fixture
def open_callgear() -> Iterator[OpenCallGear]:
    """Serve imitations of CallGear, small ones unless told otherwise, until the test ends."""
    with ExitStack() as stack:

        def start(**options: Any) -> tuple[Rpc, CallGear]:
            vendor = CallGear(now=NOW, **{"calls": 120, "burst": 0, "days": 60, **options})
            rpc = Rpc(stack.enter_context(Server([vendor])))
            stack.callback(rpc.close)
            return rpc, vendor

        yield start
