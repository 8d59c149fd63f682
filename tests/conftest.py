"""What every test starts from: no real credentials, and a PostgreSQL for those that load."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dev.layout import ROOT
from dev.warehouse import EmbeddedPostgres

# How long an example takes says how busy the machine is.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


LONGEST = (
    "tests/e2e/test_standalone.py",
    "tests/e2e/test_postgres.py",
    "tests/hostile/test_hostile.py",
    "tests/contract/test_state.py",
    "tests/e2e/test_documented_commands.py",
    "tests/conformance/test_snowflake.py",
    "tests/e2e/test_dagster_page.py",
    "tests/backfill/test_workers.py",
    "tests/soak/test_soak.py",
    "tests/hostile/test_secrets.py",
    "tests/infinity/test_memory.py",
)
"""Files that take longest, the longest first."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin first: at the end no process works alone while others idle."""
    places = {ROOT / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session", autouse=True)
def no_real_settings() -> Iterator[None]:
    """Take the settings of taps and loaders out of the environment: no test meets a vendor."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("TAP_", "TARGET_", "MELTANO_", "SINGER_SDK_")):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Serve an empty PostgreSQL of the test session's own; give its SQLAlchemy URL."""
    # Not below pytest's folder: that one is closed to the server's account when tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="warehouse-test-"))
    with EmbeddedPostgres(folder, durable=False) as server:
        yield server.url
    shutil.rmtree(folder, ignore_errors=True)
