"""The pipe between tap and target: passes whole lines on, and notes what passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import IO, Any

import msgspec

__all__ = ["Passed", "pump"]


class Passed:
    """What has passed.

    Attributes:
        rows: Records by stream.
        least: Smallest replication key.
        most: Largest replication key.
        state: The last STATE's value.
    """

    def __init__(self, replication_key: str) -> None:
        """Prepare to read no more of each line than is noted."""
        self.rows: Counter[str] = Counter()
        self.least: str | None = None
        self.most: str | None = None
        self.state: dict[str, Any] = {}
        names = {"key": replication_key} if replication_key else {}
        record = msgspec.defstruct("Record", [("key", Any, None)], rename=names)
        line = msgspec.defstruct(
            "Line",
            [("type", str), ("stream", str, ""), ("record", record, None), ("value", Any, None)],
        )
        self._line = msgspec.json.Decoder(line)

    def note(self, line: bytes) -> None:
        """Note a line."""
        if b"RECORD" not in line and b"STATE" not in line:
            return
        found: Any = self._line.decode(line)
        if found.type == "STATE":
            self.state = found.value
        elif found.type == "RECORD":
            self.rows[found.stream] += 1
            key = found.record.key
            if isinstance(key, str):
                self.least = min(self.least or key, key)
                self.most = max(self.most or key, key)


def pump(source: Iterable[bytes], sink: IO[bytes], passed: Passed) -> None:
    """Pass every whole line on; half a line, of a tap that was killed, is dropped.

    Raises:
        BrokenPipeError: The target is gone.
    """
    for line in source:
        if line.endswith(b"\n"):
            sink.write(line)
            passed.note(line)
    sink.flush()
