"""The SDK's own tests of taps, against the imitated vendors."""

from __future__ import annotations

import atexit
import logging
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from contact_sandbox import Server
from contact_sandbox.registry import vendor_class
from tests.contract.bench import recent
from tests.contract.cases import CASES
from tests.contract.runner import ROOT, installed_taps
from tests.contract.tap_class import tap_class

# The SDK warns of each column that none of the few rows has a value in.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def _suite(name: str) -> type[Any]:
    """Make the tests of one tap; they read its streams while they are made, so it is served now."""
    case = CASES[name]
    vendor = vendor_class(name)(seed=11, days=case.days, now=recent(), **case.options)
    server = Server([vendor])
    server.start()
    atexit.register(server.stop)
    config = {**server.settings(name), "requests_per_minute": 0, "page_size": 40, "window": "4d"}
    tap = tap_class(f"tap_{name}")
    catalog = tap(config=config).catalog_dict
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            item["metadata"]["selected"] = True
    suite: type[Any] = get_tap_test_class(
        tap, config=config, catalog=catalog, suite_config=SuiteConfig(max_records_limit=40)
    )
    return suite


@pytest.fixture(autouse=True, scope="module")
def _unchanged_process() -> Iterator[None]:
    """Undo what a tap does to its process: signal handlers and the making of log records."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)
    for number, handler in kept.items():
        signal.signal(number, handler)


for _name in installed_taps():
    for _folder in ("shared", f"tap-{_name}"):
        if str(ROOT / _folder) not in sys.path:
            sys.path.append(str(ROOT / _folder))
    globals()[f"TestTap{_name.capitalize()}"] = _suite(_name)
