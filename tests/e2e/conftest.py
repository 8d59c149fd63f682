"""A database for each test, and the vendors that tests read from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy

from tests.contract.bench import Bench, serve
from tests.contract.runner import installed_taps


@pytest.fixture
def database(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of a database of the test's own."""
    name = f"d{abs(hash(request.node.nodeid))}"
    admin = sqlalchemy.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sqlalchemy.text(f"create database {name}"))
        url = sqlalchemy.make_url(postgres_url).set(database=name)
        yield url.render_as_string(hide_password=False)
        connection.execute(sqlalchemy.text(f"drop database {name} with (force)"))
    admin.dispose()


@pytest.fixture(params=installed_taps())
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """Serve one tap's vendor, for a test that changes its data."""
    name: str = request.param
    with serve(name, tmp_path_factory.mktemp(name), days=30) as served:
        yield served
