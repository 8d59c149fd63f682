"""A fast local server of rendered rows: a process of its own, never the slowest part.

`GET /stats` gives what happened since the last time it was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import deque
from functools import partial

from tests.benchmarks.shapes import SHAPES, Rows
from tests.benchmarks.vendors import VENDORS, Answer, Asked

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"


class Door:
    """Counts, delays and limits requests.

    Args:
        latency: Seconds that each answer is held back; answers to other requests are not.
        rate: Requests in any one second above which they are refused; 0 for no limit.
    """

    def __init__(self, latency: float, rate: int) -> None:
        """Begin with nothing counted."""
        self.latency = latency
        self._rate = rate
        self._recent: deque[float] = deque()
        self._under_way = 0
        self._reset()

    def _reset(self) -> None:
        self._recent.clear()
        self.told = {"requests": 0, "refused": 0, "most": 0, "rows": 0, "first": 0.0}

    def stats(self) -> bytes:
        """Tell what was counted, and count anew."""
        told = json.dumps(self.told).encode()
        self._reset()
        return told

    def refuses(self) -> bool:
        """Count a request; tell whether it is one too many in a second."""
        now = time.time()
        self.told["requests"] += 1
        self.told["first"] = self.told["first"] or now
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if self._rate and len(self._recent) >= self._rate:
            self.told["refused"] += 1
            return True
        self._recent.append(now)
        self._under_way += 1
        self.told["most"] = max(self.told["most"], self._under_way)
        return False

    def answered(self, answer: Answer) -> None:
        """Count an answer."""
        self._under_way -= 1
        self.told["rows"] += answer.count


class Connection(asyncio.Protocol):
    """One connection: requests come one after the other."""

    def __init__(self, rows: Rows, door: Door) -> None:
        """Begin with nothing received."""
        self._rows = rows
        self._door = door
        self._answer = VENDORS[rows.shape.tap]
        self._received = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take whole requests out of what came."""
        self._received += data
        while _HEAD_END in self._received:
            head, _, rest = self._received.partition(_HEAD_END)
            at = head.lower().find(_LENGTH)
            length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(rest) < length:
                return
            self._received = rest[length:]
            target = head.split(b" ", 2)[1].decode()
            path, _, query = target.partition("?")
            self._take(Asked(path, query, rest[:length]))

    def _take(self, asked: Asked) -> None:
        if asked.path == "/stats":
            self._write(Answer(self._door.stats()))
        elif self._door.refuses():
            self._transport.write(_REFUSED)
        elif self._door.latency:
            self._loop.call_later(self._door.latency, partial(self._give, asked))
        else:
            self._give(asked)

    def _give(self, asked: Asked) -> None:
        answer = self._answer(self._rows, asked)
        self._door.answered(answer)
        self._write(answer)

    def _write(self, answer: Answer) -> None:
        size = len(answer.head) + len(answer.rows) + len(answer.tail)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % size + answer.head)
        self._transport.write(memoryview(answer.rows))
        self._transport.write(answer.tail)


async def _serve(options: argparse.Namespace) -> None:
    rows = Rows(SHAPES[options.shape], options.rows)
    door = Door(options.latency, options.rate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(rows, door), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - read by the parent
    async with server:
        await server.serve_forever()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=sorted(VENDORS), required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--rate", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
