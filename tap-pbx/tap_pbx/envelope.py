"""What the vendor's answers look like: rows and counts, in all the forms they take.

Only the names of the paging fields are documented (https://support.primevox.net/portal/en/kb/
articles/call-history-cdr-v2) and that calls hang under `data` by their identifier (https://
github.com/next-in-line/primevox-api-client); that a map may be `[]`, a list or stand elsewhere, and
that a number may be a text, is inferred from how PHP writes JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tap_shared.errors import PleaseRetry, StreamFailed

__all__ = [
    "CALL",
    "CONVERSATION",
    "DIGITS",
    "EVENT",
    "MESSAGE",
    "REPORTED",
    "Kind",
    "check_offset",
    "events_of",
    "integer",
    "rows_of",
]

Row = dict[str, Any]

DIGITS = re.compile("[0-9]+")
"""How containers and tenants are numbered."""

_DEEPEST = 4
_WHOLE = re.compile(r"\s*([+-]?\d{1,18})(\.0*)?\s*", re.ASCII)


class Kind(NamedTuple):
    """What tells rows of one kind from other objects.

    Attributes:
        key: The field that a map's identifier belongs to, where a row leaves it out.
        fields: Documented fields; a row has at least one of them.
    """

    key: str
    fields: frozenset[str]

    def marks(self, node: object) -> bool:
        """Tell whether a node is a row of this kind."""
        return isinstance(node, dict) and not self.fields.isdisjoint(node)


CALL = Kind("callUuid", frozenset({"callUuid", "callDate", "callDirection"}))
EVENT = Kind("eventUuid", frozenset({"eventUuid", "eventDate", "eventType"}))
REPORTED = Kind("event_id", EVENT.fields)
CONVERSATION = Kind(
    "conversation_id", frozenset({"conversationWith", "hasUnreadMessages", "lastMessageDate"})
)
MESSAGE = Kind("message_id", frozenset({"messageDate", "messageFrom", "messageText"}))


def integer(value: object) -> int | None:
    """Read a whole number that may come as text; None for what is none."""
    found = _WHOLE.fullmatch(str(int(value) if isinstance(value, bool) else value))
    return int(found[1]) if found else None


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


def rows_of(answer: Mapping[str, Any], name: str, kind: Kind) -> list[Row]:
    """Give the rows that hang under a name: a map by identifier, a list, `[]` or nothing.

    Args:
        answer: The answer.
        name: Where the rows hang; anywhere, the top level first, where it has no such member.
        kind: What tells a row from other objects.

    Raises:
        PleaseRetry: There is something else.
    """
    held = answer.get(name, answer)
    if held in (None, "", [], {}):
        return []
    if held is not answer and _is_table(held, kind):
        return _keyed(held, kind)
    found = next(_groups(held, kind, _DEEPEST), [])
    if not found and held is not answer:
        msg = f"what is under '{name}' is neither a map nor a list of rows"
        raise PleaseRetry(msg)
    return found


def _is_table(held: Any, kind: Kind) -> bool:
    """Tell whether all members of a map or list are rows."""
    members = held.values() if isinstance(held, dict) else held
    if not isinstance(held, (dict, list)) or not any(map(kind.marks, members)):
        return False
    return all(isinstance(row, dict) for row in members)


def _keyed(held: dict[str, Row] | list[Row], kind: Kind) -> list[Row]:
    """Fill in the identifiers that rows leave to their map."""
    if isinstance(held, list):
        return held
    key = kind.key
    return [
        row if row.get(key) not in (None, "") else {**row, key: mark} for mark, row in held.items()
    ]


def _groups(node: object, kind: Kind, depth: int) -> Iterator[list[Row]]:
    """Look for maps or lists of rows, the outermost first."""
    found: list[Row] = []
    below: Iterable[Any] = ()
    if isinstance(node, dict):
        found = _keyed({mark: row for mark, row in node.items() if kind.marks(row)}, kind)
        below = node.values()
    elif isinstance(node, list):
        found, below = [row for row in node if kind.marks(row)], node
    if found:
        yield found
    elif depth:
        for child in below:
            yield from _groups(child, kind, depth - 1)


def events_of(answer: Mapping[str, Any]) -> list[Row]:
    """Give the events of a call wherever in the answer they hang; none where none are found."""
    return next(_groups(answer, EVENT, _DEEPEST), [])
