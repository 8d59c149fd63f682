"""The envelopes of CallGear's answers: JSON-RPC around `result.data`, or a bare array.

Source: https://callgear.github.io/data_api/ (conventions).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Raw, Struct

from tap_shared.errors import PleaseRetry
from tap_shared.page import decode

if TYPE_CHECKING:
    from tap_shared.codec import Codec

__all__ = ["Answer", "Result", "Whole", "WholeResult", "error_of", "rows_of"]

T = TypeVar("T")


class WholeResult(Struct, Generic[T]):
    """The result of a report."""

    data: T
    metadata: Any


class Whole(Struct, Generic[T]):
    """The answer of a report, rows and all; one with an error is read as `Answer`."""

    result: WholeResult[T]


class Answer(Struct):
    """The JSON-RPC envelope."""

    result: Raw = Raw()
    error: Any = None


class Result(Struct):
    """A result; `get.account` spells its metadata otherwise."""

    data: Raw = Raw()
    metadata: Any = None
    meta_data: Any = None


def rows_of(data: bytes, codec: Codec | None) -> Sequence[Any]:
    """Read an array of rows; dictionaries where there is no codec."""
    if data == b"null":
        return []
    return decode(data, list[dict[str, Any]]) if codec is None else codec.rows(data)


def error_of(body: bytes) -> Any:
    """Read the error of an answer; a gateway's HTML has none."""
    try:
        return decode(body, Answer).error
    except PleaseRetry:
        return None
