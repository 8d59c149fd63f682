"""Parses the compact notation of nested values, such as `tags = [{tag_id:n, tag_name:s}]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\s*([\w]+|[\[\]{}:,;=])")


@dataclass(frozen=True)
class Shape:
    """A nested value.

    Attributes:
        kind: `[` array, `{` object, `*` map with open names, or a scalar's type letter.
        item: Shape of the items or of the map's values.
        members: Names and shapes of an object's members.
    """

    kind: str
    item: Shape | None = None
    members: tuple[tuple[str, Shape], ...] = ()


def parse_shapes(text: str) -> dict[str, Shape]:
    """Return the shapes of `name = shape; name = shape`."""
    tokens = _TOKEN.findall(text)
    shapes: dict[str, Shape] = {}
    while tokens:
        name, equals = tokens.pop(0), tokens.pop(0)
        if equals != "=":
            message = f"= expected after {name}"
            raise ValueError(message)
        shapes[name] = _shape(tokens)
        if tokens:
            tokens.pop(0)
    return shapes


def _shape(tokens: list[str]) -> Shape:
    """Take one shape off the front of the tokens."""
    head = tokens.pop(0)
    if head == "[":
        item = Shape("n") if tokens[0] == "]" else _shape(tokens)
        tokens.pop(0)
        return Shape("[", item)
    if head != "{":
        return Shape(head)
    members = []
    while head != "}":
        name, _colon = tokens.pop(0), tokens.pop(0)
        members.append((name, _shape(tokens)))
        head = tokens.pop(0)
    if members[0][0] == "string":
        return Shape("*", members[0][1])
    return Shape("{", members=tuple(members))
