"""Rows out of an answer: one JSON object a line, read while the answer still comes.

An answer without rows is a blank line. A line that is no object (a bare string is a message of the
vendor) means that the answer went wrong there; so does a last line that was cut. Rows before it are
good. Facts: https://kb.infinity.co/service/api/reports_v2_basics.html; the cut line is inferred.

A JSON array, which the vendor gives for another `format`, is read as well, but whole; so is its
empty one, that has lost its opening bracket (https://github.com/ETikalenko/Infinity).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tap_infinity.page_limit import LimitTooHigh, is_of_limit, is_passing
from tap_shared.errors import PleaseRetry, StreamFailed
from tap_shared.fields import value_of
from tap_shared.page import decode, has_nul

if TYPE_CHECKING:
    from tap_shared.codec import Codec

__all__ = ["READING", "Lines", "Nameless", "Taken", "no_row", "rows_of", "told"]

Row = Any  # a dictionary, or a structure of the codec
Object = dict[str, Any]

_decoder = msgspec.json.Decoder(Object)
_BLANK = b" \t\r\n\xef\xbb\xbf"  # and the bytes of a mark that some servers begin with
READING = 1 << 18
"""Bytes of one reading: rows in memory take several times that, and shall stay in the cache."""
_LONGEST = 256 << 20
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
        is_blank: Whether it is lines as documented, so that it can be believed to have no rows.
    """

    rows: list[Row]
    size: int
    trouble: PleaseRetry | None = None
    is_last: bool = False
    is_terminated: bool = True
    is_blank: bool = True


class Lines:
    """Reads one answer, some whole lines at a time.

    Args:
        blocks: The answer's bytes, in pieces that end anywhere.
        wanted: Bytes of one reading, roughly.
        codec: Decodes plain rows; the others, or all where there is none, are dictionaries.
    """

    def __init__(
        self, blocks: Iterator[bytes], wanted: int = READING, codec: Codec | None = None
    ) -> None:
        """Read nothing yet."""
        self._blocks = blocks
        self._wanted = wanted
        self._codec = codec
        self._rest = b""
        self._got = 0
        self._is_array: bool | None = None

    def take(self) -> Taken:
        """Read the next lines.

        Raises:
            StreamFailed: A line has no end.
        """
        taken = Taken([], 0)
        whole = self._whole_lines(taken)
        if taken.is_last and self._rest.strip(_BLANK):
            taken.is_terminated = bool(self._is_array)
            whole += self._rest
        taken.is_blank = self._got > 0 and not self._is_array
        taken.size = len(whole)
        taken.rows, wrong = self._decoded(whole)
        taken.trouble = wrong or taken.trouble
        return taken

    def _decoded(self, whole: bytes) -> tuple[list[Row], PleaseRetry | None]:
        if self._is_array:
            return _array(whole)
        if self._codec is not None and (rows := self._codec.lines(whole)) is not None:
            return rows, None
        return rows_of(whole)

    def _whole_lines(self, taken: Taken) -> bytes:
        """Read to the end of a line, an array to its own end."""
        pending, end = bytearray(self._rest), 0
        while not (end and len(pending) >= self._wanted):
            try:
                block = next(self._blocks, None)
            except PleaseRetry as err:
                taken.trouble = err
                break
            if block is None:
                taken.is_last = True
                break
            found = 0 if self._is_array else block.rfind(b"\n") + 1
            end = len(pending) + found if found else end
            pending += block
            self._got += len(block)
            if self._is_array is None and (text := block.lstrip(_BLANK)):
                self._is_array = text.startswith((b"[", b"]"))
                end = 0 if self._is_array else end
            if len(pending) - end > _LONGEST:
                msg = f"the vendor sent a line of more than {_LONGEST >> 20} MiB."
                raise StreamFailed(msg)
        self._rest = bytes(pending[end:])
        return bytes(pending[:end])


def _array(body: bytes) -> tuple[list[Row], PleaseRetry | None]:
    """Decode a JSON array of rows; none of them where it is cut."""
    if not body.strip(_BLANK) or body.strip(_BLANK) == b"]":
        return [], None
    try:
        return [*decode(body, list[Object])], None
    except PleaseRetry as err:
        return [], err


def rows_of(lines: bytes) -> tuple[list[Row], PleaseRetry | None]:
    """Decode lines: all at once where they are plain, else one by one up to the first bad one."""
    try:
        if not has_nul(lines):
            return [*_decoder.decode_lines(lines)], None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # a lone surrogate, or something that is no row: the lines tell
    rows: list[Row] = []
    for line in lines.split(b"\n"):
        if not line.strip(_BLANK):
            continue
        try:
            rows.append(_row(line))
        except PleaseRetry as err:
            return rows, err
    return rows, None


def _row(line: bytes) -> Object:
    """Decode one line.

    Raises:
        PleaseRetry: It is no object.
    """
    message = told(line)
    if message:
        raise _fault(message)
    return decode(line, Object)


def _fault(message: str) -> PleaseRetry:
    said = f"the vendor sent a message instead of rows: {message}"
    is_refusal = is_of_limit(message) and not is_passing(message)
    return LimitTooHigh(said) if is_refusal else PleaseRetry(said)


class Nameless(PleaseRetry):
    """A row without a key, which cannot be asked for again."""


def no_row(row: Row, keys: Collection[str]) -> PleaseRetry:
    """Give the error for an object without a usable key, which may be a message as well."""
    told_by = (value_of(row, name) for name in ("message", "error"))
    said = next((text for text in told_by if isinstance(text, str)), "")
    if said and not any(value_of(row, key) for key in keys):
        return _fault(_shortened(said))
    return Nameless(f"the vendor sent a row without a usable {' or '.join(keys)}")


def told(body: bytes) -> str:
    """Give the message of a body that is a bare JSON string, shortened; else an empty text."""
    try:
        text = msgspec.json.decode(body, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return _shortened(text) or "(empty)"


def _shortened(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_MESSAGE]
