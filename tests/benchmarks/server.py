"""A fast local server of pre-rendered pages: a process of its own, never the slowest part.

`GET /stats` gives what happened since the last time it was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

from tests.benchmarks.shapes import FIRST_ID, SHAPES, Shape

_WIRE = "%Y-%m-%d %H:%M:%S"
_CACHED_BYTES = 1 << 30


class Pages:
    """Renders pages of one shape and keeps what was rendered."""

    def __init__(self, shape: Shape, rows: int) -> None:
        """Render nothing yet."""
        self.shape = shape
        self.rows = rows
        self._templates = shape.templates()
        self._kept: dict[tuple[int, int], bytes] = {}
        self._bytes = 0

    def page(self, first: int, last: int) -> bytes:
        """Give rows [first, last) as the members of a JSON array."""
        key = (first, last)
        if key not in self._kept:
            text = b",".join(map(self._row, range(first, last)))
            if self._bytes + len(text) > _CACHED_BYTES:
                return text
            self._kept[key] = text
            self._bytes += len(text)
        return self._kept[key]

    def _row(self, position: int) -> bytes:
        before, between, rest = self._templates[position % len(self._templates)]
        at = self.shape.at(position, self.rows).strftime(_WIRE).encode()
        return before + b"%d" % (FIRST_ID + position) + between + at + rest


def callgear(pages: Pages, body: dict[str, Any]) -> bytes:
    """Answer as CallGear's Data API does: a window, an offset, a total."""
    params = body["params"]
    if body["method"] == "get.account":
        return b'{"jsonrpc":"2.0","id":1,"result":{"data":[{"timezone":"UTC"}],"metadata":{}}}'
    moments = [
        datetime.strptime(params[name], _WIRE).replace(tzinfo=UTC)
        for name in ("date_from", "date_till")
    ]
    low, high = (
        pages.shape.position(moments[0], pages.rows),
        pages.shape.position(moments[1], pages.rows),
    )
    while high < pages.rows and pages.shape.at(high, pages.rows) == moments[1]:
        high += 1
    first = min(high, low + int(params["offset"]))
    rows = pages.page(first, min(high, first + int(params["limit"])))
    head = b'{"jsonrpc":"2.0","id":1,"result":{"metadata":{"total_items":%d},"data":[' % (
        high - low
    )
    return head + rows + b"]}}"


ANSWERS = {"callgear": callgear}


class Door:
    """Counts, delays and limits requests."""

    def __init__(self, latency: float, rate: int) -> None:
        """Begin with nothing counted."""
        self.latency = latency
        self.rate = rate
        self._recent: deque[float] = deque()
        self._under_way = 0
        self.reset()

    def reset(self) -> None:
        """Count anew."""
        self.told = {"requests": 0, "refused": 0, "most": 0, "first": 0.0}

    def refuses(self) -> bool:
        """Count a request; tell whether it is one too many in a second."""
        now = time.time()
        self.told["requests"] += 1
        self.told["first"] = self.told["first"] or now
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if self.rate and len(self._recent) >= self.rate:
            self.told["refused"] += 1
            return True
        self._recent.append(now)
        return False

    @contextlib.asynccontextmanager
    async def visit(self) -> Any:
        """Hold a request for the latency."""
        self._under_way += 1
        self.told["most"] = max(self.told["most"], self._under_way)
        try:
            await asyncio.sleep(self.latency)
            yield
        finally:
            self._under_way -= 1


async def _serve(options: argparse.Namespace) -> None:
    pages, door = Pages(SHAPES[options.shape], options.rows), Door(options.latency, options.rate)
    answer = ANSWERS[options.shape]

    async def reply(head: bytes, body: bytes) -> tuple[bytes, bytes]:
        if head.startswith(b"GET /stats"):
            told = json.dumps(door.told).encode()
            door.reset()
            return b"200 OK", told
        if door.refuses():
            return b"429 Too Many Requests\r\nRetry-After: 1", b"{}"
        async with door.visit():
            return b"200 OK", answer(pages, json.loads(body))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(
                    line.lower().split(b": ", 1)
                    for line in head.split(b"\r\n")[1:]
                    if b": " in line
                )
                body = await reader.readexactly(int(fields.get(b"content-length", 0)))
                status, answered = await reply(head, body)
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n" % len(answered))
                writer.write(answered)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - read by the parent
    async with server:
        await server.serve_forever()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=sorted(ANSWERS), required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--rate", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
