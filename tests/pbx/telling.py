"""A PBX that says exactly what a test tells it to, and the tap run against it.

It knows the vendor's published description and nothing of the sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.contract.runner import Tap
from tests.pbx.syncing import Row, Run, catalog
from tests.shared.raw_server import RawServer, reply
from tests.soak.running import Forked

KEY = "told+key/=="
CONTAINER = "654321"
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
CALLS, DETAILS, RECORDING = (
    f"/api/{name}.php" for name in ("call_list", "call_details", "call_recording")
)
RING_GROUPS = "/api/reports/raw/ringgroup"
CONVERSATIONS, MESSAGES = (f"/api/messaging/v1/conversation{s}" for s in ("s", ""))
SETTINGS = {
    "api_key": KEY, "container_id": CONTAINER, "start_date": "2026-03-01", "window": "2d",
    "end_date": "2026-03-03", "max_attempts": 2, "requests_per_minute": 0,
}  # fmt: skip
PAGE = 500

Query = Mapping[str, str]
Said = bytes | str | tuple[int, Any] | dict[str, Any] | list[Any] | None
Told = Mapping[str, Said | Callable[[Query], Said]]


def call(uuid: str = "c-1", at: str = "2026-03-01 10:00:00", **fields: Any) -> Row:
    """Give a call with every documented field."""
    return {
        "callUuid": uuid, "callDate": at, "callDirection": 1, "cidName": "Ann",
        "cidNum": "2025550100", "numDialed": "2025550101", "duration": 61, "callRecorded": 0,
        "recordingUrl": "", "didDescription": "Main", "cidPrefix": "",
        "lastEvent": "Hangup (Normal)", "callFlagged": 0, "callSeverity": 0, "callNotes": "",
        "wentToVoicemail": 0, "spokeToPerson": 1,
        "didGroup": "", "transcription": None, **fields,
    }  # fmt: skip


def counted(shown: int, total: int | None = None, page: int = 1, **fields: Any) -> Row:
    """Give the paging fields of an answer, and what hangs beside them."""
    total = shown if total is None else total
    head = {"currentResultSize": shown, "currentPage": page, "maxResultSize": total}
    return {**head, "maxPages": -(-total // PAGE), "utcOffset": 0, **fields}


def listing(*calls: Row, **tenants: Iterable[Row]) -> Callable[[Query], Said]:
    """Answer like the call list: by tenant (`t101=[...]`) and range, both ends included."""

    def answer(query: Query) -> Said:
        asked = query.get("tenantID", "0")
        held = calls if asked == "0" else tenants.get(f"t{asked}", ())
        first, last = query["fromDate"], query["toDate"]
        rows = [row for row in held if first <= str(row["callDate"])[:19] <= last]
        number = int(query.get("page", 1))
        shown = rows[(number - 1) * PAGE : number * PAGE]
        return counted(len(shown), len(rows), number, data={r["callUuid"]: r for r in shown})

    return answer


class Telling:
    """Runs the tap in forks of one process, each time against what is told."""

    def __init__(self, folder: Path, forked: Forked) -> None:
        """Nothing runs yet."""
        self._folder = folder
        self._forked = forked
        self.asked: list[tuple[str, Query]] = []

    def run(self, told: Told, *streams: str, now: datetime = NOW, **settings: Any) -> Run:
        """Run the tap for some streams; what it asked is in `asked`."""
        self.asked = []

        def answer(request: str) -> bytes:
            target = urlsplit(request.split(" ", 2)[1])
            query = dict(parse_qsl(target.query, keep_blank_values=True))
            self.asked.append((target.path, query))
            said = told.get(target.path, (404, "<html>no such page</html>"))
            return _reply(said(query) if callable(said) else said)

        with RawServer(answer) as server:
            config = {**SETTINGS, "api_url": server.url, **settings}
            arguments = [
                part
                for name, value in (("config", config), ("catalog", catalog(streams)))
                for part in (f"--{name}", self._file(name, value))
            ]
            ended = self._forked.run(arguments, now)
        return Run(ended.code, b"".join(ended.lines).decode(), ended.stderr)

    def _file(self, name: str, content: Any) -> str:
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)


def _reply(said: Said) -> bytes:
    status, body = said if isinstance(said, tuple) else (200, said)
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes):
        body = json.dumps(body).replace("/", "\\/").encode()
    return reply(body, f"{status} Said", ["Content-Type: text/html; charset=UTF-8"])


@contextmanager
def telling(folder: Path) -> Iterator[Telling]:
    """Start the process that all runs are forks of."""
    with Forked(Tap("pbx", folder)) as forked:
        yield Telling(folder, forked)
