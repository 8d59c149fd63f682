"""MotionCX's answers: the envelopes, what is in them, and the error table.

Facts of the vendor: https://docs.motioncxapps.com/reference/ (page of each endpoint) and the
response classes in https://github.com/motioncx/CollabIntegrationExample (`src/Reporting`), unless
marked as inferred. Texts of the vendor are left out of errors: they may echo what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from msgspec import Raw, Struct

from tap_shared.errors import (
    CredentialsRefused,
    PleaseRetry,
    StreamFailed,
    StreamUnavailable,
)
from tap_shared.http import Reply, gateway_faults
from tap_shared.page import Page, decode

if TYPE_CHECKING:
    from tap_shared.codec import Codec

__all__ = ["MethodRefused", "RequestRefused", "count", "faults", "items", "lookup", "rows"]

T = TypeVar("T")

_SUCCESS, _NOT_FOUND, _NO_RIGHT, _ERROR = 0, 1, 2, 3
_MEMBER = re.compile(r"[\w.$\[\]]{1,60}")
_NUMBER = re.compile(r"-?\d{1,18}")


class RequestRefused(StreamFailed):
    """The vendor calls the request malformed or invalid."""


class MethodRefused(StreamFailed):
    """The path takes another HTTP method."""


# The error table


def faults(reply: Reply) -> None:
    """Raise for every HTTP status that is no success.

    A 401 is final at any moment: there is no token that could be renewed.

    Raises:
        CredentialsRefused: 401.
        StreamUnavailable: 403, or the result code that says the same.
        MethodRefused: 405.
        PleaseRetry: A gateway's fault, or the result code of a passing error.
        StreamFailed: Any other status.
    """
    if reply.status == HTTPStatus.UNAUTHORIZED:
        msg = (
            f"MotionCX refuses the API key (HTTP 401{reply.reference}): it is wrong or was revoked."
            " Make a key under Administration, Users, Actions, API Keys and set api_key."
        )
        raise CredentialsRefused(msg)
    if reply.status == HTTPStatus.FORBIDDEN:
        msg = f"the key's user lacks the right for it (HTTP 403{reply.reference})."
        raise StreamUnavailable(msg)
    if reply.status == HTTPStatus.METHOD_NOT_ALLOWED:
        msg = f"the vendor refuses the HTTP method (HTTP 405{reply.reference}); check api_url."
        raise MethodRefused(msg)
    gateway_faults(reply)
    if reply.status >= HTTPStatus.BAD_REQUEST:
        _refuse(reply)


def _refuse(reply: Reply) -> NoReturn:
    """Raise what another 4xx means: a result code, problem details, or a wrong address."""
    try:
        answer = _camel(decode(reply.body, dict), "resultCode")
    except PleaseRetry:
        answer = {}
    if "resultCode" in answer:
        _check(answer)
    said = f"the vendor answers HTTP {reply.status}{reply.reference}"
    errors = answer.get("errors")
    if reply.status == HTTPStatus.BAD_REQUEST:
        names = [str(name) for name in errors or () if _MEMBER.fullmatch(str(name))]
        about = f" about {', '.join(names[:5])}" if names else ""
        msg = f"the vendor refuses the request{about} (HTTP 400{reply.reference})."
        raise RequestRefused(msg)
    msg = f"{said}; check api_url."
    raise StreamFailed(msg)


def _check(answer: Mapping[str, Any]) -> None:
    """Raise for every result code that is no success; they come inside of a 200 as well."""
    code = _whole(answer.get("resultCode"))
    if code == _SUCCESS:
        return
    if code is None:
        msg = "the answer has no result code"
        raise PleaseRetry(msg)
    if code == _ERROR:
        msg = "the vendor reports an unexpected error (resultCode 3)"
        raise PleaseRetry(msg)
    if code == _NO_RIGHT:
        msg = "the key's user lacks the right for it (resultCode 2)."
        raise StreamUnavailable(msg)
    if code == _NOT_FOUND:
        msg = "the vendor says that what was asked for does not exist (resultCode 1)."
        raise StreamFailed(msg)
    msg = f"the vendor calls the request malformed or invalid (resultCode {code})."
    raise RequestRefused(msg)


def _whole(value: Any) -> int | None:
    """Read an integer that may arrive as text."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# What is in an answer


class _Answer(Struct, Generic[T], rename="camel"):
    """The reporting service's envelope, as far as it is heeded."""

    result_code: int
    data: T


def rows(reply: Reply, codec: Codec | None = None) -> Page:
    """Read the rows of a reporting query.

    Args:
        reply: The answer.
        codec: Decodes the rows; dictionaries where there is none, or where the answer is odd.

    Raises:
        PleaseRetry: `data` is no list of objects: a broken answer, never "no rows" (inferred).
    """
    found = None if codec is None else _typed(reply.body, codec)
    return Page(_objects(_data(reply)) if found is None else found, size=len(reply.body))


def _typed(body: bytes, codec: Codec) -> Sequence[Any] | None:
    """Read rows straight into types; None where the answer is no plain success."""
    whole = codec.whole(_Answer, body)
    if whole is not None and whole.result_code == _SUCCESS:
        return codec.rows(whole.data)[:]
    try:
        answer = decode(body, _Answer[Raw])
    except PleaseRetry:
        return None
    is_list = answer.result_code == _SUCCESS and bytes(answer.data).startswith(b"[")
    return codec.rows(answer.data)[:] if is_list else None


def count(reply: Reply) -> int:
    """Read the answer to a count of `_id`, and add it up over the groups.

    The member is named after the function and the field, `Count_id`; a group's row has it.
    """
    total, data = 0, _data(reply)
    for row in _objects([data] if isinstance(data, dict) else data):
        found = [_whole(value) for name, value in row.items() if name.lower() == "count_id"]
        if not found or found[0] is None:
            msg = "the aggregates have no count"
            raise PleaseRetry(msg)
        total += found[0]
    return total


def items(reply: Reply) -> Page:
    """Read a list of the routing or CRM service, `{totalCount, items}`, without a result code."""
    answer = _camel(decode(reply.body, dict), "items")
    if "items" not in answer and "resultCode" in answer:
        _check(answer)
    return Page(_objects(answer.get("items")), size=len(reply.body))


def lookup(reply: Reply, member: str = "") -> Page:
    """Read a reference list: a list, a map of codes to names, or an object that holds one.

    Args:
        reply: The answer.
        member: The member of `data` that holds the list, where several lists come together.

    Raises:
        PleaseRetry: There is no such list.
    """
    data = _data(reply)
    if isinstance(data, dict) and not (data and _is_map(data)):
        data = _named(data, member) if member else _only_list(data)
    if isinstance(data, dict) and _is_map(data):
        data = [_coded(int(code), value) for code, value in data.items()]
    return Page(_objects(data), size=len(reply.body))


def _is_map(data: Mapping[str, Any]) -> bool:
    """Tell whether all names are codes."""
    return all(map(_NUMBER.fullmatch, data))


def _named(data: Mapping[str, Any], member: str) -> Any:
    """Find a member, in one object further down at most."""
    inner = (value for value in data.values() if isinstance(value, dict))
    for holder in (data, *inner):
        for name, value in holder.items():
            if name.lower() == member.lower():
                return value
    return None


def _only_list(data: Mapping[str, Any]) -> Any:
    lists = [value for value in data.values() if isinstance(value, list)]
    return lists[0] if len(lists) == 1 else None


def _coded(code: int, value: Any) -> dict[str, Any]:
    """Make a row of an entry of a map."""
    return {"id": code, **(value if isinstance(value, dict) else {"name": value})}


def _data(reply: Reply) -> Any:
    answer = _camel(decode(reply.body, dict), "resultCode")
    _check(answer)
    return answer.get("data")


def _camel(answer: dict[str, Any], proof: str) -> dict[str, Any]:
    """Give an envelope in its published spelling: the stack can be set to another (inferred)."""
    if proof in answer:
        return answer
    return {name[:1].lower() + name[1:]: value for name, value in answer.items()}


def _objects(data: Any) -> list[dict[str, Any]]:
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        msg = "the answer holds no list of rows"
        raise PleaseRetry(msg)
    return data
