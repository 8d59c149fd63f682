"""Emit: records into Singer lines, whole lines only.

A page is encoded in one call. A signal that arrives while bytes are on their way to standard output
is kept until they are all out, so that no line is ever cut.
"""

from __future__ import annotations

import math
import os
import re
import select
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import repeat
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.json import serialize_json
from singer_sdk.singerlib.messages import Message, RecordMessage

from tap_shared.errors import Terminated

__all__ = ["PageWriter", "encode_record", "storable"]

_BUFFER = 1 << 18
_SECONDS = 1.0
_NEWLINE = ord("\n")
_BLOCK = 128  # records; those of a larger piece would leave the processor's cache meanwhile
_LOOSE = (b"NaN", b"Infinity")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def _other(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


_encoder = msgspec.json.Encoder(enc_hook=_other, decimal_format="number")


def storable(value: Any) -> Any:
    """Replace what no warehouse can store: lone surrogates and NUL become U+FFFD, NaN a text."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    if isinstance(value, (float, Decimal)) and not _finite(value):
        return str(value)
    return value


def _finite(value: float | Decimal) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def encode_record(value: Any) -> bytes:
    """Encode one value, whatever is in it."""
    try:
        line = _encoder.encode(value)
    except (UnicodeEncodeError, OverflowError, RecursionError, TypeError, ValueError):
        line = b""
    return line if line and not _is_loose(line) else _with_sdk(value)


def _with_sdk(value: Any) -> bytes:
    """Encode what msgspec refuses, or writes loosely: slow, and like the SDK."""
    return serialize_json(storable(value), ensure_ascii=False).encode()


def _is_loose(text: bytes) -> bool:
    """Tell whether a Decimal that is no finite number was written as it is, which is no JSON."""
    if not any(word in text for word in _LOOSE):
        return False
    try:
        for line in text.splitlines():
            msgspec.json.decode(line)
    except msgspec.DecodeError:
        return True
    return False


class _Line(Struct, tag="RECORD", tag_field="type", gc=False):
    """A record as it goes out."""

    stream: str
    record: Any
    version: int | UnsetType
    time_extracted: str

    def message(self) -> dict[str, Any]:
        """Give it as the SDK would."""
        of_stream = {} if self.version is UNSET else {"version": self.version}
        return {
            "type": "RECORD", "stream": self.stream, "record": self.record, **of_stream,
            "time_extracted": self.time_extracted,
        }  # fmt: skip


def _lines(records: Sequence[Any], lines: Sequence[_Line] = ()) -> bytes:
    """Encode records in one call where that works: bare, or in the lines that hold them."""
    try:
        written = _encoder.encode_lines(lines or records)
    except (UnicodeEncodeError, OverflowError, RecursionError, TypeError, ValueError):
        written = b""
    # Rows of a declared type hold finite numbers only.
    if written and (dict not in set(map(type, records)) or not _is_loose(written)):
        return written
    values = [line.message() for line in lines] or records
    return b"".join(encode_record(value) + b"\n" for value in values)


class PageWriter(GenericSingerWriter[bytes, Message]):
    """Writes Singer messages to standard output, buffered, a page at a time where it can.

    STATE and SCHEMA go out at once with all that stands before them.
    """

    def __init__(self) -> None:
        """Write to the process's standard output, looked up when bytes are written."""
        self._pending = bytearray()
        self._flushed_at = time.monotonic()
        self._writing = False
        self._signal: int | None = None
        self._leave: Callable[[], object] | None = None

    def serialize_message(self, message: Message) -> bytes:
        """Encode one message as a line."""
        content = message.to_dict()
        if isinstance(at := content.get("time_extracted"), datetime):
            content["time_extracted"] = at.isoformat()
        return encode_record(content) + b"\n"

    def write_message(self, message: Message) -> None:
        """Write one message."""
        self._pending += self.serialize_message(message)
        self._flush_if_due(now=not isinstance(message, RecordMessage))

    def write_page(
        self, stream: str, records: Sequence[Any], extracted: str, version: int | None = None
    ) -> None:
        """Write a page of records of one stream.

        Args:
            stream: The stream's name.
            records: Encodable records.
            extracted: The page's `time_extracted`.
            version: The stream's version, where ACTIVATE_VERSION is on.
        """
        if not records:
            return
        beside = repeat(UNSET if version is None else version), repeat(extracted)
        for start in range(0, len(records), _BLOCK):
            block = records[start : start + _BLOCK]
            # At once: a signal may come at any moment.
            self._pending += _lines(block, [*map(_Line, repeat(stream), block, *beside)])
            self._flush_if_due()

    def _flush_if_due(self, *, now: bool = False) -> None:
        late = time.monotonic() - self._flushed_at > _SECONDS
        if now or late or len(self._pending) >= _BUFFER:
            self.flush()

    def flush(self) -> None:
        """Hand all that is pending to standard output.

        Raises:
            Terminated: A signal arrived meanwhile; every pending line is out.
            BrokenPipeError: Standard output takes nothing more: closed, or its disk is full.
        """
        self._writing = True
        try:
            self._put()
        finally:
            self._writing = False
        self._flushed_at = time.monotonic()
        if self._signal is not None:
            signum, self._signal = self._signal, None
            raise Terminated(signum)

    def _put(self) -> None:
        """Write what is pending and take it off, also where only a part could be written."""
        try:
            target = sys.stdout.fileno()
        except (OSError, AttributeError, ValueError):  # captured in memory, as in tests
            sys.stdout.write(self._pending.decode())
            sys.stdout.flush()
            self._pending.clear()
            return
        sys.stdout.flush()
        done = 0
        try:
            with memoryview(self._pending) as view:
                while done < len(view):
                    done += self._write(target, view, done)
        except OSError as err:
            raise BrokenPipeError(err.errno, "standard output takes nothing more") from None
        finally:
            del self._pending[:done]

    def _write(self, target: int, view: memoryview, start: int) -> int:
        """Write as much as goes; in a hurry, to the end of the line under way."""
        end = len(view)
        if self._leave is not None:
            at_end = start == 0 or view[start - 1] == _NEWLINE
            end = start if at_end else self._pending.find(b"\n", start) + 1
            if end == start:
                self._leave()
        try:
            return os.write(target, view[start:end])
        except BlockingIOError:  # the other end has made the pipe non-blocking
            select.select([], [target], [])
            return 0

    def hurry(self, leave: Callable[[], object]) -> None:
        """Leave the process: now, or at the end of the line that is being written."""
        self._leave = leave
        if not self._writing:
            leave()

    def interrupt(self, signum: int) -> None:
        """Stop for a signal: now, or as soon as the lines under way are out.

        Raises:
            Terminated: Nothing is being written.
        """
        if self._writing:
            self._signal = signum
            return
        raise Terminated(signum)
