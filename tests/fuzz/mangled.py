"""Bytes and values that were good once, spoilt by a source of chance."""

from __future__ import annotations

import json
from random import Random
from typing import Any

__all__ = ["ODD", "mangled", "spoilt", "text_of"]

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 5.5, 2**31, 2**63, -(2**63) - 1, 10**400, 1e300, -1e300,
    float("nan"), float("inf"), "", " ", "x", "0", "-1", "1e999", "9" * 400, "\u0661", "\xb2",
    "null", "true", "\0", "\ud83d", "\x1b[2J", "a\nb", "\r\n", "../..", "http://[", "%", "%zz",
    "2024-01-05 13:22:07", "2024-02-30", "0000-00-00", "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59", [], {}, [None], [[]], [{}], {"": None}, {"id": {"id": []}},
)  # fmt: skip
_TOKENS: tuple[bytes, ...] = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r", b"\0", b" ", b"-", b".", b"e9",
    b"null", b"NaN", b"Infinity", b"1e999", b"9" * 400, b"\\u0000", b"\\ud83d", b"\\udc00", b"\\x",
    b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x85", b"\x1f", b'"id":',
    b"[" * 2000,
)  # fmt: skip
_MOST_EDITS = 3


def text_of(value: Any, chance: Random) -> bytes:
    """Write a value as JSON; surrogates and letters beyond ASCII as they are, or escaped."""
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def spoilt(value: Any, chance: Random) -> Any:
    """Give a JSON value with one of its parts replaced, taken out, or put in twice."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        if chance.random() < 0.1:
            return {key: item for key, item in value.items() if key != name}
        return {**value, name: spoilt(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        if chance.random() < 0.1:
            return [*value, value[place]]
        return [*value[:place], spoilt(value[place], chance), *value[place + 1 :]]
    return chance.choice(ODD)


def mangled(body: bytes, chance: Random) -> bytes:
    """Give bytes with a few edits: tokens put in, pieces taken out, doubled, swapped, cut off."""
    for _ in range(chance.randint(1, _MOST_EDITS)):
        at = chance.randrange(len(body) + 1)
        end = min(len(body), at + chance.choice((1, 1, 1, 4, 16, 64)))
        piece = chance.choice(_TOKENS)
        body = chance.choice((
            body[:at] + piece + body[at:], body[:at] + piece + body[end:], body[:at] + body[end:],
            body[:end] + body[at:], body[:at],
        ))  # fmt: skip
    return body
