"""A vendor, or whoever stands in its place, that means harm: every run ends, small and plainly.

What the transport alone decides is proven in `tests/shared/` as well; `docs/hostile.md`
has the whole list.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from itertools import product

import pytest

from tests.contract.interface import SECRETS
from tests.contract.runner import Tap
from tests.hostile.rows import MOST_MEMORY, ROWS, Row, dripping_head, dripping_row, endless
from tests.hostile.vendors import DIALECTS, PLAIN, WIRE, Hostile, Reader, tap_of
from tests.shared.raw_server import Answer, RawServer
from tests.soak.running import Ended, Forked

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOST_SECONDS = 60


CASES = [(name, what) for name in DIALECTS for what, row in ROWS.items() if name in row.where]


def every(names: Iterable[str]) -> pytest.MarkDecorator:
    """Run a test for these dialects."""
    return pytest.mark.parametrize("reader", list(names), indirect=True)


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Reader]]:
    """Give the reader of a dialect; each tap's process is started once."""
    with ExitStack() as stack:

        @cache
        def process(tap: str) -> tuple[Tap, Forked]:
            found = Tap(tap, tmp_path_factory.mktemp(tap))
            return found, stack.enter_context(Forked(found, level="DEBUG"))

        @cache
        def reader(name: str) -> Reader:
            return Reader(name, *process(tap_of(name)))

        yield reader


@pytest.fixture
def reader(request: pytest.FixtureRequest, readers: Callable[[str], Reader]) -> Reader:
    """Give the reader of the dialect that a test names."""
    return readers(request.param)


def errors_of(run: Ended) -> list[str]:
    return [line for line in run.stderr.splitlines() if "| ERROR " in line]


def check(run: Ended, row: Row, name: str) -> None:
    """Bounded, plain, and nothing given away."""
    errors = errors_of(run)
    is_blank = name in row.blank
    assert run.code == (0 if is_blank else row.code), errors
    assert run.mebibytes < row.memory
    assert "unexpected" not in "".join(errors).replace("unexpected shape", ""), errors
    assert PLAIN not in run.stderr
    for line in run.lines:
        assert json.loads(line)["type"]
    if run.code:
        assert errors
        assert all(len(line) < 600 for line in errors)
        assert not row.says or any(
            word in line for word in row.says.split("|") for line in errors
        ), errors
    else:
        assert is_blank != any(b'"RECORD"' in line[:20] for line in run.lines)


@pytest.mark.parametrize(("reader", "what"), CASES, indirect=["reader"])
def test_it_ends_bounded_and_plainly(reader: Reader, what: str) -> None:
    row, vendor = ROWS[what], Hostile(reader.dialect)
    begun = time.monotonic()
    with RawServer(b"") as other:
        vendor.other_host = other.url
        with reader.served(vendor, row.send) as (_, arguments):
            run = reader.runner.run(arguments, NOW, signal=9, seconds=MOST_SECONDS)
        assert other.requests == []
    assert time.monotonic() - begun < MOST_SECONDS
    check(run, row, reader.name)


REFUSED = {
    "callgear": "more than its offsets reach",
    "pbx": "did not heed the dates",  # so many rows make it ask for shorter ranges
}
"""Where so large a total is not begun with -> what is said."""


@every(WIRE)
@pytest.mark.parametrize("send", [endless, dripping_row, dripping_head])
def test_what_does_not_end_by_itself_ends_at_a_signal(
    reader: Reader, send: Callable[[Hostile], Answer]
) -> None:
    with reader.served(Hostile(reader.dialect), send) as (_, arguments):
        begun = time.monotonic()
        run = reader.runner.run(arguments, NOW, signal=signal.SIGTERM, seconds=1.5)
    assert time.monotonic() - begun < MOST_SECONDS / 3  # not the 15 minutes of an attempt
    assert run.mebibytes < MOST_MEMORY
    assert json.loads(run.lines[-1])["type"] == "STATE"
    if send is endless and (why := REFUSED.get(reader.name)):
        assert run.code == 1
        assert any(why in line for line in errors_of(run))
        return
    assert run.code == 128 + signal.SIGTERM


LISTS = ("callgear", "dixa", "infinity list")
"""What is read whole, whatever the time."""


@every(LISTS)
@pytest.mark.parametrize("year", [1970, 1999, 2038, 2199])
def test_a_clock_that_is_wrong_changes_no_row(reader: Reader, year: int) -> None:
    with reader.served(Hostile(reader.dialect), lambda v: v.ok()) as (_, arguments):
        run = reader.runner.run(arguments, NOW.replace(year=year))
    assert run.code == 0, run.stderr
    assert sum(b'"RECORD"' in line[:20] for line in run.lines) == 1


EVIL = ("x\r\nX-Evil: 1", "x\nX-Evil: 1", "x\0", "x\u20ac", "x\u2028")
URLS = {"dixa": ("api_url", "exports_url")}


@every(WIRE)
def test_no_setting_forges_a_header(reader: Reader) -> None:
    plain = ("user_agent", *URLS.get(reader.name, ("api_url",)))
    secrets = SECRETS[reader.name] & reader.dialect.settings.keys()
    assert secrets
    cases = [*product(EVIL, plain[:1]), *product(EVIL[:1], (*plain[1:], *secrets))]
    for evil, setting in cases:

        def forged(url: str, evil: str = evil, setting: str = setting) -> str:
            return f"{url}/{evil}" if setting.endswith("url") else evil

        with reader.served(Hostile(reader.dialect), lambda v: v.ok(), **{setting: forged}) as (
            server,
            arguments,
        ):
            run = reader.runner.run(arguments, NOW)
        assert "\nX-Evil" not in "".join(server.requests)
        assert "X-Evil" not in run.stderr
        if setting in plain:  # white space is taken out of a key: it may have been wrapped
            assert run.code == 2, (setting, evil, run.stderr)
            assert server.requests == []
            assert len(errors_of(run)) == 1
