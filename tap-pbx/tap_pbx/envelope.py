"""What the vendor's answers look like: rows, counts and errors, in all the forms they take.

Only the names of the paging fields are documented (https://support.primevox.net/portal/en/kb/
articles/call-history-cdr-v2) and that calls hang under `data` by their identifier (https://
github.com/next-in-line/primevox-api-client); that a map may be `[]` or a list, and a number a
text, is inferred from how PHP writes JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tap_shared.errors import PleaseRetry, StreamFailed

__all__ = ["check_offset", "error_of", "events_of", "integer", "rows_of"]

Row = dict[str, Any]

_EVENT_MARKS = ("eventType", "eventUuid", "eventDate")
_DEEPEST = 4
_PAYLOAD = {"data", "maxResultSize", "conversations", "messages", "events"}


def integer(value: object) -> int | None:
    """Read a whole number that may come as text; None for what is none."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return int(value)
    text = str(value or "").strip()
    return int(text) if text.removeprefix("-").isdecimal() else None


def error_of(answer: object) -> str | None:
    """Give the error that an answer holds, whatever its HTTP status; None where it holds none.

    Looked for before any row: an error has no rows and would pass for an empty page.
    """
    if isinstance(answer, str):
        return answer.strip() or None
    if not isinstance(answer, Mapping):
        return None
    for name in ("error", "errors"):
        if answer.get(name):
            return _text_of(answer[name]) or _text_of(answer.get("message")) or "an unnamed error"
    success = str(answer.get("success", "1")).strip().lower()
    if success in {"0", "false"} or not _PAYLOAD & answer.keys():
        return _text_of(answer.get("message"))
    return None


def _text_of(value: object) -> str | None:
    """Give an error's text: itself, its `message`, or the first of several."""
    if isinstance(value, list) and value:
        return _text_of(value[0])
    if isinstance(value, Mapping):
        return _text_of(value.get("message"))
    return (value.strip() or None) if isinstance(value, str) else None


def check_offset(answer: Mapping[str, Any]) -> None:
    """Check that times come in the offset that was asked for, which is always UTC.

    Raises:
        StreamFailed: They come in another one.
    """
    echoed = answer.get("utcOffset")
    if echoed not in (None, "") and integer(echoed) != 0:
        shown = integer(echoed)
        said = "something that is no number" if shown is None else f"{shown} minutes"
        raise StreamFailed(
            f"the vendor answers with utcOffset {said} where 0 was asked for, so its times"
            " cannot be trusted; nothing of the answer was used. Report it to the vendor."
        )


def rows_of(answer: Mapping[str, Any], name: str, key: str) -> list[Row]:
    """Give the rows that hang under a name: a map by identifier, a list, `[]` or nothing.

    Args:
        answer: The answer.
        name: Where the rows hang; the top level where the answer has no such member.
        key: The field that a map's identifier belongs to, where a row leaves it out.

    Raises:
        PleaseRetry: There is something else.
    """
    if name not in answer:
        return [_keyed(row, key, mark) for mark, row in answer.items() if isinstance(row, dict)]
    held = answer[name]
    if isinstance(held, dict) and all(isinstance(row, dict) for row in held.values()):
        return [_keyed(row, key, mark) for mark, row in held.items()]
    if isinstance(held, list) and all(isinstance(row, dict) for row in held):
        return held
    if held is None or held == "":
        return []
    msg = f"the rows under '{name}' are neither a map nor a list of objects"
    raise PleaseRetry(msg)


def _keyed(row: Row, key: str, mark: str) -> Row:
    """Fill in the identifier that a row leaves to the map."""
    return row if row.get(key) not in (None, "") else {**row, key: mark}


def events_of(answer: Mapping[str, Any]) -> list[Row]:
    """Give the events of a call wherever in the answer they hang; none where none are found."""
    return next(_groups(answer, _DEEPEST), [])


def _groups(node: object, depth: int) -> Iterator[list[Row]]:
    """Look for maps or lists of events, the outermost first."""
    if isinstance(node, dict):
        found = [_keyed(v, "eventUuid", k) for k, v in node.items() if _is_event(v)]
        below = list(node.values())
    elif isinstance(node, list):
        found, below = [item for item in node if _is_event(item)], node
    else:
        return
    if found:
        yield found
    elif depth:
        for child in below:
            yield from _groups(child, depth - 1)


def _is_event(node: object) -> bool:
    return isinstance(node, dict) and any(name in node for name in _EVENT_MARKS)
