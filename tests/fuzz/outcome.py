"""What reading something may come to: a value, or an error with a sentence. Nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn, TypeVar

from tap_shared.errors import TapError

__all__ = ["check_lines", "check_sentence", "outcome"]

T = TypeVar("T")

_LONGEST = 1000


def outcome(read: Callable[[], T], secrets: Iterable[str] = ()) -> T | type[TapError]:
    """Read; give what came of it, or the kind of error.

    Raises:
        AssertionError: The error's sentence is none, or holds a secret.
    """
    try:
        return read()
    except TapError as err:
        said = str(err)
        kind = type(err)
    check_sentence(said)
    assert not [one for one in secrets if one in said], f"tells a secret: {said!r}"
    return kind


def check_sentence(said: str) -> None:
    """Check that a text is one line that a terminal shows as it is."""
    assert said.strip(), "an error without a sentence"
    assert said.isprintable(), f"not printable: {said!r}"
    assert len(said) < _LONGEST, f"too long: {said!r}"


def check_lines(lines: bytes) -> list[Any]:
    """Check that bytes are lines of JSON in UTF-8 that any warehouse stores; give their values."""
    assert not lines or lines.endswith(b"\n")
    values = [json.loads(line.decode(), parse_constant=_refuse) for line in lines.split(b"\n")[:-1]]
    for text in _texts(values):
        assert "\0" not in text, f"NUL in {text!r}"
        text.encode()
    return values


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
