"""CallGear accounts with options of their own, and the tap against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.contract.bench import Bench, serve

OpenAccount = Callable[..., Bench]


@pytest.fixture
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAccount]:
    """Open accounts; all their streams can be read unless an option says otherwise."""
    with ExitStack() as stack:

        def open_account(**options: Any) -> Bench:
            folder = tmp_path_factory.mktemp("callgear")
            return stack.enter_context(serve("callgear", folder, **options))

        yield open_account
