"""A vendor, or whoever stands in its place, that means harm: every run ends, small and plainly.

What the transport alone decides is proven in `tests/shared/test_http.py`; `docs/hostile.md` has the
whole list.
"""

from __future__ import annotations

import gzip
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from tests.contract.runner import Tap
from tests.hostile.vendors import DIALECTS, KEY, Hostile, hostile
from tests.shared.raw_server import Answer, RawServer, dripping, reply
from tests.soak.running import Ended, Forked

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MOST_SECONDS = 60
MOST_MEMORY = 400


@dataclass(frozen=True)
class Row:
    """What is sent, and what must happen.

    Attributes:
        send: Gives the answer to one more request.
        code: The exit code.
        says: What the one error line holds.
        memory: The most memory of the run, in MiB.
    """

    send: Callable[[Hostile], Answer]
    code: int = 1
    says: str = ""
    memory: int = MOST_MEMORY


def deep(opening: bytes, closing: bytes, middle: bytes = b"") -> bytes:
    return opening * 10_000 + middle + closing * 10_000


def huge(vendor: Hostile) -> Iterator[bytes]:
    start, end = vendor.good(extra=b',"note":"@"').split(b"@")
    size = 200 << 20
    yield reply(b"", length=len(start) + size + len(end)) + start
    block = b"x" * (1 << 20)
    for _ in range(200):
        yield block
    yield end


@cache
def packed_spaces() -> bytes:
    return gzip.compress(b" " * (1 << 20)) * 300


def bomb(vendor: Hostile) -> bytes:
    return vendor.ok(packed_spaces(), "Content-Encoding: gzip")


def back(vendor: Hostile) -> bytes:
    """Lead to a page, to the one after it, and back again."""
    number = vendor.number() % 3
    return vendor.ok(vendor.good(number, f"page-{number}"))


def endless(vendor: Hostile) -> bytes:
    number = vendor.number()
    return vendor.ok(vendor.good(number, f"page-{number}"))


def dripping_row(vendor: Hostile) -> Iterator[bytes]:
    body = vendor.good(extra=b',"note":"' + b"x" * 4000 + b'"')
    yield reply(b"", length=len(body))
    yield from dripping(body, 0.01)


def value(text: bytes) -> Callable[[Hostile], Answer]:
    """Send a row with one more member of this JSON text."""
    return lambda vendor: vendor.ok(vendor.good(extra=b',"evil":' + text))


def header(*lines: str) -> Callable[[Hostile], Answer]:
    return lambda vendor: vendor.ok(None, *lines)


def elsewhere(location: str) -> Callable[[Hostile], Answer]:
    return lambda vendor: reply(
        b"", "302 Found", ["Location: " + location.replace("@other", vendor.other_host)]
    )


def limited(after: str) -> Callable[[Hostile], Answer]:
    """Say once that it is too much, then answer."""
    return lambda vendor: (
        vendor.ok() if vendor.number() else reply(b"", "429 Too Many", [f"Retry-After: {after}"])
    )


ROWS = {
    "repeated cursor or page": Row(
        lambda v: v.ok(v.good(1, "same")), says="in a circle|same pages again"),
    "cursors that go back": Row(back, says="in a circle|same pages again"),
    "endless pages of one row": Row(
        lambda v: v.ok(v.good(1, f"k{v.number()}")), says="same pages again"),
    "decompression bomb": Row(bomb, says="larger than 256 MiB", memory=1000),
    "200 MB body": Row(huge, 0, memory=1500),
    "10,000-deep array": Row(value(deep(b"[", b"]"))),
    "10,000-deep object": Row(value(deep(b'{"a":', b"}", middle=b"1"))),
    "400-digit integer": Row(value(b"9" * 400), 0),
    "number beyond any float": Row(value(b"1e999"), 0),
    "NaN and Infinity": Row(value(b"[NaN,Infinity,-Infinity]"), 0),
    "lone surrogate": Row(value(rb'"\ud83d"'), 0),
    "NUL": Row(value(rb'"a\u0000b"'), 0),
    "raw control characters": Row(value(b'"a\x01\x1f\x7fb"'), 0),
    "line separators": Row(value('"\u2028\x85\u2029"'.encode()), 0),
    "invalid UTF-8": Row(value(b'"\xff\xfe\xc3"'), 0),
    "duplicate keys": Row(value(b'1,"evil":2,"id":3'), 0),
    "a key that is null": Row(lambda v: v.ok(v.good().replace(b'"id":1', b'"id":null')
                                              .replace(b'"id":"id-1"', b'"id":null'))),
    "a key that is an object": Row(lambda v: v.ok(v.good().replace(b'"id":1', b'"id":{}')
                                                  .replace(b'"id":"id-1"', b'"id":{}'))),
    "wrong content type": Row(header("Content-Type: image/png"), 0),
    "wrong charset": Row(header("Content-Type: application/json; charset=utf-32"), 0),
    "unknown content encoding": Row(lambda v: v.ok(b"\x28\xb5\x2f\xfd", "Content-Encoding: zstd")),
    "UTF-16 body": Row(lambda v: v.ok(v.good().decode().encode("utf-16"))),
    "rows that are no list": Row(lambda v: v.ok(v.good().replace(b"[", b'{"x":[')
                                                .replace(b"]", b"]}"))),
    "redirect to another host": Row(elsewhere("@other/x"), says="another host"),
    "redirect to a file": Row(elsewhere("file:///etc/passwd"), says="another host"),
    "redirect to the metadata service": Row(
        elsewhere("http://169.254.169.254/latest/meta-data"), says="another host"),
    "set-cookie tricks": Row(
        header("Set-Cookie: a=b; Domain=.com; Path=/", "Set-Cookie: \x01=x"), 0),
    "ten thousand headers": Row(header(*(f"X-{n}: {n}" for n in range(10_000)))),
    "a header of a megabyte": Row(header("X-Long: " + "x" * (1 << 20))),
    "Retry-After negative": Row(limited("-5"), 0),
    "Retry-After in the past": Row(limited("Wed, 21 Oct 2015 07:28:00 GMT"), 0),
    "Retry-After of a year": Row(limited("31536000"), says="asks to wait 31536000 s"),
    "Retry-After beyond the calendar": Row(limited("Mon, 01 Jan 99999 00:00:00 GMT"), 0),
    "Retry-After nonsense": Row(limited("9" * 400), 0),
    "Date of another century": Row(header("Date: Mon, 01 Jan 1900 00:00:00 GMT"), 0),
    "request echoed in an error": Row(
        lambda _: reply(json.dumps({"error": KEY}).encode(), "400 Bad Request")),
}  # fmt: skip


@pytest.fixture(scope="module", params=sorted(DIALECTS))
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Forked, Path]]:
    """Start one tap's process."""
    folder = tmp_path_factory.mktemp(request.param)
    with Forked(Tap(request.param, folder), level="DEBUG") as runner:
        yield request.param, runner, folder


def check(run: Ended, row: Row) -> None:
    """Bounded, plain, and nothing given away."""
    errors = [line for line in run.stderr.splitlines() if "| ERROR " in line]
    assert run.code == row.code, errors
    assert run.mebibytes < row.memory
    assert "unexpected" not in "".join(errors).replace("unexpected shape", ""), errors
    assert KEY not in run.stderr
    for line in run.lines:
        assert json.loads(line)["type"]
    if row.code:
        assert errors
        assert all(len(line) < 600 for line in errors)
        assert not row.says or any(
            word in line for word in row.says.split("|") for line in errors
        ), errors
    else:
        assert any(b'"RECORD"' in line[:20] for line in run.lines)


@pytest.mark.parametrize("what", ROWS)
def test_it_ends_bounded_and_plainly(started: tuple[str, Forked, Path], what: str) -> None:
    name, runner, folder = started
    vendor, row = Hostile(DIALECTS[name]), ROWS[what]
    begun = time.monotonic()
    with RawServer(b"") as other:
        vendor.other_host = other.url
        with hostile(vendor, row.send, folder) as (_, arguments):
            run = runner.run(arguments, NOW, signal=9, seconds=MOST_SECONDS)
        assert other.requests == []
    assert time.monotonic() - begun < MOST_SECONDS
    check(run, row)


@pytest.mark.parametrize("send", [endless, dripping_row])
def test_what_does_not_end_by_itself_ends_at_a_signal(
    started: tuple[str, Forked, Path], send: Callable[[Hostile], Answer]
) -> None:
    name, runner, folder = started
    with hostile(Hostile(DIALECTS[name]), send, folder) as (_, arguments):
        begun = time.monotonic()
        run = runner.run(arguments, NOW, signal=signal.SIGTERM, seconds=1.5)
    assert run.code == 128 + signal.SIGTERM
    assert time.monotonic() - begun < 5
    assert run.mebibytes < MOST_MEMORY
    assert json.loads(run.lines[-1])["type"] == "STATE"


@pytest.mark.parametrize("year", [1970, 1999, 2038, 2199])
def test_a_clock_that_is_wrong_changes_no_row(started: tuple[str, Forked, Path], year: int) -> None:
    name, runner, folder = started
    with hostile(Hostile(DIALECTS[name]), lambda v: v.ok(), folder) as (_, arguments):
        run = runner.run(arguments, NOW.replace(year=year))
    assert run.code == 0, run.stderr
    assert sum(b'"RECORD"' in line[:20] for line in run.lines) == 1


EVIL = ["x\r\nX-Evil: 1", "x\nX-Evil: 1", "x\0", "x\u20ac", "x\u2028"]
SETTINGS = {
    "callgear": ("user_agent", "api_url"),
    "dixa": ("api_token", "user_agent", "api_url", "exports_url"),
}


@pytest.mark.parametrize("evil", EVIL, ids=repr)
def test_no_setting_forges_a_header(started: tuple[str, Forked, Path], evil: str) -> None:
    name, runner, folder = started
    for setting in SETTINGS[name]:
        with hostile(Hostile(DIALECTS[name]), lambda v: v.ok(), folder) as (server, arguments):
            file = Path(arguments[1])
            config = json.loads(file.read_text())
            config[setting] = f"{server.url}/{evil}" if setting.endswith("url") else evil
            file.write_text(json.dumps(config))
            run = runner.run(arguments, NOW)
            assert "\nX-Evil" not in "".join(server.requests)
            assert "X-Evil" not in run.stderr
            if setting == "api_token":  # white space is taken out of it: it may have been wrapped
                continue
            assert run.code == 2, (setting, run.stderr)
            assert server.requests == []
            errors = [line for line in run.stderr.splitlines() if "| ERROR " in line]
            assert len(errors) == 1
