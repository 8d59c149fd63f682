"""What is sent, and what must happen: the rows of `docs/hostile.md`."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat

from tests.hostile.vendors import DIALECTS, KEY, LINES, WIRE, Hostile
from tests.shared.raw_server import Answer, dripping, reply

__all__ = ["MOST_MEMORY", "ROWS", "Row", "dripping_head", "dripping_row", "endless"]

MOST_MEMORY = 400

Send = Callable[[Hostile], Answer]


@dataclass(frozen=True)
class Row:
    """What is sent, and what must happen.

    Attributes:
        send: Gives the answer to one more request.
        code: The exit code.
        says: What the one error line holds; several by `|`.
        memory: The most memory of the run, in MiB.
        where: The dialects that it is tried in.
        blank: Dialects in which it stands for an answer without rows, as the exit code 0 says.
    """

    send: Send
    code: int = 1
    says: str = ""
    memory: int = MOST_MEMORY
    where: Sequence[str] = tuple(DIALECTS)
    blank: Sequence[str] = ()


def deep(opening: bytes, closing: bytes, middle: bytes = b"") -> bytes:
    return opening * 10_000 + middle + closing * 10_000


def huge(vendor: Hostile, extra: bytes = b',"note":"@"', filling: bytes = b"x") -> Iterator[bytes]:
    """Put 200 MiB of a character in the place of the @."""
    body = vendor.good(extra=extra)
    if b"@" not in body:  # no more rows follow
        yield vendor.ok()
        return
    start, end = body.split(b"@")
    block = filling * (1 << 20)
    yield reply(b"", length=len(start) + 200 * len(block) + len(end)) + start
    yield from repeat(block, 200)
    yield end


def endless_line(_: Hostile) -> Iterator[bytes]:
    """Begin a row, and never end it."""
    yield reply(b"", headers=["Transfer-Encoding: chunked"]).replace(b"Content-Length: 0\r\n", b"")
    block = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
    yield from (b"1\r\n{\r\n", *(block for _ in range(2000)), b"0\r\n\r\n")


def coded(encoding: str, code: Callable[[bytes], bytes]) -> Send:
    """Send the row in a coding."""
    return lambda vendor: vendor.ok(code(vendor.good()), f"Content-Encoding: {encoding}")


@cache
def spaces(encoding: str) -> bytes:
    """Give 300 MiB of blanks, packed."""
    if encoding == "gzip":
        return gzip.compress(b" " * (1 << 20)) * 300
    return zlib.compress(b" " * (300 << 20), 1)


def bomb(encoding: str) -> Send:
    return coded(encoding, lambda _: spaces(encoding))


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


def dripping_head(_: Hostile) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Long: "
    yield from dripping(b"x" * 4000, 0.01)


def value(text: bytes) -> Send:
    """Send a row with one more member of this JSON text."""
    return lambda vendor: vendor.ok(vendor.good(extra=b',"evil":' + text))


def header(*lines: str) -> Send:
    return lambda vendor: vendor.ok(None, *lines)


def status(line: str, body: bytes = b"", *headers: str) -> Send:
    return lambda _: reply(body, line, headers)


def chunked(*pieces: bytes) -> Send:
    """Send pieces as they are behind a head that announces chunks."""
    return lambda _: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + b"".join(pieces)
    )


def lie(length: str) -> Send:
    """Announce another length than the body has."""
    return lambda vendor: (
        f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()
        + vendor.good()
    )


def after(head: bytes) -> Send:
    """Send something before the answer."""
    return lambda vendor: head + vendor.ok()


def until_closed(vendor: Hostile) -> bytes:
    return b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + vendor.good()


def elsewhere(location: str) -> Send:
    return lambda vendor: reply(
        b"", "302 Found", ["Location: " + location.replace("@other", vendor.other_host)]
    )


def limited(wait: str) -> Send:
    """Say once that it is too much, then answer."""
    return lambda vendor: (
        vendor.ok() if vendor.number() else reply(b"", "429 Too Many", [f"Retry-After: {wait}"])
    )


def no_list(vendor: Hostile) -> bytes:
    row = vendor.dialect.row % (1, b"")
    return vendor.ok(vendor.good().replace(row, b"1") if b"[" in vendor.good() else b"[" + row)


_CIRCLE = (
    "in a circle|same pages again|same rows again|does not grow|did not heed|different ones"
    "|outside the range|more than its offsets reach"
)

ROWS: Mapping[str, Row] = {
    "repeated cursor or page": Row(lambda v: v.ok(v.good(1, "same")), says=_CIRCLE),
    "cursors that go back": Row(back, says=_CIRCLE),
    "endless pages of one row": Row(
        lambda v: v.ok(v.good(1, f"k{v.number()}")), says=_CIRCLE),
    "decompression bomb": Row(
        bomb("gzip"), says="larger than 256 MiB|a line of more than 256 MiB", memory=1000,
        where=WIRE),
    "brotli": Row(coded("br", lambda _: b"\x8b\x02\x80\x03"), where=WIRE),
    "deflate bomb": Row(bomb("deflate"), where=WIRE),
    "gzip inside gzip": Row(
        coded("gzip, gzip", lambda body: gzip.compress(gzip.compress(body))), where=WIRE),
    "gzip that is none": Row(coded("gzip", lambda body: body), says="is gzip and is not",
                             where=WIRE),
    "200 MB body": Row(lambda v: huge(v, b',"note":@1', b" "), 0, memory=1500,
                       where=("callgear", "infinity")),
    "200 MB text": Row(huge, 0, memory=1500, where=("callgear", "infinity")),
    "a row that never ends": Row(
        endless_line, says="larger than 256 MiB|a line of more than 256 MiB", memory=1500,
        where=WIRE),
    "10,000-deep array": Row(value(deep(b"[", b"]"))),
    "10,000-deep object": Row(value(deep(b'{"a":', b"}", middle=b"1"))),
    "400-digit integer": Row(value(b"9" * 400), 0),
    "10,000-digit integer": Row(value(b"9" * 10_000), 0),
    "number beyond any float": Row(value(b"1e999"), 0),
    "NaN and Infinity": Row(value(b"[NaN,Infinity,-Infinity]"), 0),
    "lone surrogate": Row(value(rb'"\ud83d"'), 0),
    "NUL": Row(value(rb'"a\u0000b"'), 0),
    "raw control characters": Row(value(b'"a\x01\x1f\x7fb"'), 0),
    "line separators": Row(value('"\u2028\x85\u2029"'.encode()), 0),
    "invalid UTF-8": Row(value(b'"\xff\xfe\xc3"'), 0),
    "duplicate keys": Row(value(b'1,"evil":2'), 0),
    "a key that is null": Row(lambda v: v.ok(v.keyed(b"null"))),
    "a key that is an object": Row(lambda v: v.ok(v.keyed(b"{}"))),
    "a key of 10,000 digits": Row(lambda v: v.ok(v.keyed(b"9" * 10_000)), where=("callgear",)),
    "wrong content type": Row(header("Content-Type: image/png"), 0),
    "wrong charset": Row(header("Content-Type: application/json; charset=utf-32"), 0),
    "unknown content encoding": Row(coded("zstd", lambda _: b"\x28\xb5\x2f\xfd")),
    "UTF-16 body": Row(lambda v: v.ok(v.good().decode().encode("utf-16"))),
    "rows that are no list": Row(no_list),
    "an answer without a body": Row(status("200 OK"), blank=LINES),
    "204 No Content": Row(status("204 No Content"), blank=LINES),
    "304 Not Modified": Row(status("304 Not Modified")),
    "an interim answer first": Row(after(b"HTTP/1.1 100 Continue\r\n\r\n" * 3), 0, where=WIRE),
    "HTTP/1.0 without a length": Row(until_closed, 0),
    "a length that is too small": Row(lie("9"), where=WIRE),
    "a length that is too large": Row(lie("99999"), says="cut off|connection broke", where=WIRE),
    "a length that is none": Row(lie("-5, abc"), 0, where=WIRE),
    "a chunk of no number": Row(chunked(b"zz\r\n{}\r\n0\r\n\r\n"), where=WIRE),
    "a chunk of negative length": Row(chunked(b"-5\r\n{}\r\n0\r\n\r\n"), where=WIRE),
    "a chunk without an end": Row(chunked(b"ffffffffffffffff\r\n{}"), where=WIRE),
    "chunks without an end": Row(chunked(b"2\r\n{}\r\n"), where=WIRE),
    "no HTTP at all": Row(lambda _: b"SSH-2.0-x\r\nConnection: close\r\n\r\n", where=WIRE),
    "redirect to another host": Row(elsewhere("@other/x"), says="another host"),
    "redirect to a file": Row(elsewhere("file:///etc/passwd"), says="another host", where=WIRE),
    "redirect to the metadata service": Row(
        elsewhere("http://169.254.169.254/latest/meta-data"), says="another host", where=WIRE),
    "set-cookie tricks": Row(
        header("Set-Cookie: a=b; Domain=.com; Path=/", "Set-Cookie: \x01=x"), 0, where=WIRE),
    "ten thousand headers": Row(header(*(f"X-{n}: {n}" for n in range(10_000))), where=WIRE),
    "a header of a megabyte": Row(header("X-Long: " + "x" * (1 << 20)), where=WIRE),
    "Retry-After negative": Row(limited("-5"), 0, where=WIRE),
    "Retry-After in the past": Row(limited("Wed, 21 Oct 2015 07:28:00 GMT"), 0, where=WIRE),
    "Retry-After of a year": Row(limited("31536000"), says="asks to wait 31536000 s"),
    "Retry-After beyond the calendar": Row(
        limited("Mon, 01 Jan 99999 00:00:00 GMT"), 0, where=WIRE),
    "Retry-After nonsense": Row(limited("9" * 400), 0, where=WIRE),
    "Date of another century": Row(header("Date: Mon, 01 Jan 1900 00:00:00 GMT"), 0, where=WIRE),
    "request echoed in an error": Row(
        lambda _: reply(json.dumps({"error": KEY}).encode(), "400 Bad Request")),
}  # fmt: skip
"""Input -> what is sent and must happen."""
