"""Text that a terminal, and a reader of logs, sees as it is: vendors' words may hold anything."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""Give a text in one line, control characters written as escapes (`\x1b`, `\n`)."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
