"""Rows out of an answer: one JSON object a line, read while the answer still comes.

An answer without rows is a blank line. A line that is no object (a bare string is a message of the
vendor) means that the answer went wrong there; so does a last line that was cut. Rows before it are
good. Facts: https://kb.infinity.co/service/api/reports_v2_basics.html; the cut line is inferred.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from tap_shared.errors import PleaseRetry
from tap_shared.page import decode

__all__ = ["Lines", "Taken", "rows_of", "told"]

Row = dict[str, Any]

_decoder = msgspec.json.Decoder(Row)
_NUL = b"\\u0000"
_LONGEST_MESSAGE = 200


@dataclass(slots=True)
class Taken:
    """What one reading gave.

    Attributes:
        rows: Good rows, in order.
        size: Bytes that they took.
        trouble: Why the answer cannot be read on; None where it can, or has ended well.
        is_last: Whether the answer has ended.
        is_terminated: Whether its last line had its line break.
    """

    rows: list[Row]
    size: int
    trouble: PleaseRetry | None = None
    is_last: bool = False
    is_terminated: bool = True


class Lines:
    """Reads one answer, some whole lines at a time.

    Args:
        blocks: The answer's bytes, in pieces that end anywhere.
        wanted: Bytes of one reading, roughly.
    """

    def __init__(self, blocks: Iterator[bytes], wanted: int = 1 << 20) -> None:
        """Read nothing yet."""
        self._blocks = blocks
        self._wanted = wanted
        self._rest = b""

    def take(self) -> Taken:
        """Read the next lines."""
        taken = Taken([], 0)
        pending = bytearray(self._rest)
        end = pending.rfind(b"\n") + 1
        while not (end and len(pending) >= self._wanted):
            try:
                block = next(self._blocks, None)
            except PleaseRetry as err:
                taken.trouble = err
                break
            if block is None:
                taken.is_last = True
                break
            found = block.rfind(b"\n") + 1
            end = len(pending) + found if found else end
            pending += block
        self._rest = bytes(pending[end:])
        whole = bytes(pending[:end])
        if taken.is_last and self._rest.strip():
            taken.is_terminated = False
            whole += self._rest
        taken.size = len(whole)
        taken.rows, wrong = rows_of(whole)
        taken.trouble = wrong or taken.trouble
        return taken


def rows_of(lines: bytes) -> tuple[list[Row], PleaseRetry | None]:
    """Decode lines: all at once where they are plain, else one by one up to the first bad one."""
    try:
        if _NUL not in lines:
            return _decoder.decode_lines(lines), None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # a lone surrogate, or something that is no row: the lines tell
    rows: list[Row] = []
    for line in lines.split(b"\n"):
        if not line.strip():
            continue
        try:
            rows.append(_row(line))
        except PleaseRetry as err:
            return rows, err
    return rows, None


def _row(line: bytes) -> Row:
    """Decode one line.

    Raises:
        PleaseRetry: It is no object.
    """
    message = told(line)
    if message:
        msg = f"the vendor sent a message instead of rows: {message}"
        raise PleaseRetry(msg)
    return decode(line, Row)


def told(body: bytes) -> str:
    """Give the message of a body that is a bare JSON string, shortened; else an empty text."""
    try:
        text = msgspec.json.decode(body, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return " ".join(text.split())[:_LONGEST_MESSAGE] or "(empty)"
