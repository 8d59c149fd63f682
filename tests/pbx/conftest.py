"""A PBX that says what it is told, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pbx.telling import Telling, telling


@pytest.fixture(scope="package")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    """Start the process that all runs against it are forks of."""
    with telling(tmp_path_factory.mktemp("told")) as found:
        yield found
