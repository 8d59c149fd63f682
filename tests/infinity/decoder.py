"""A decoder of custom metrics, written from the vendor's text alone and unlike the encoder."""

from __future__ import annotations

__all__ = ["decoded"]


def decoded(text: str) -> tuple[str, dict[str, list[str]]]:
    """Read `metric_condition_value[,value]...`; undo the escapes one character after another."""
    fields: list[list[str]] = [[""]]
    rest = list(text)
    while rest:
        character = rest.pop(0)
        if character == "\\":
            following = rest.pop(0)
            if following == "\\":
                assert rest[:2] == ["\\", "\\"], "a backslash is written as four"
                del rest[:2]
            else:
                assert following in "_,", "a backslash escapes nothing"
            fields[-1][-1] += following
        elif character == "_":
            fields.append([""])
        elif character == ",":
            fields[-1].append("")
        else:
            fields[-1][-1] += character
    names = [field[0] for field in fields[1::2]]
    assert all(len(field) == 1 for field in [fields[0], *fields[1::2]])
    return fields[0][0], dict(zip(names, fields[2::2], strict=True))
