"""What Dixa wraps its rows in, and where the key of the next page is.

Envelopes: https://docs.dixa.io/openapi/dixa-api/v1/analytics and the published description at
https://github.com/api-evangelist/dixa; exports are bare arrays, and so is agent presence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import unquote, urlsplit

from msgspec import UNSET, Raw, Struct, UnsetType

from tap_shared.errors import PleaseRetry, StreamFailed
from tap_shared.page import Page, decode

if TYPE_CHECKING:
    from tap_shared.codec import Codec

__all__ = ["page_key", "plain_page", "rows_of", "typed_page"]

T = TypeVar("T")


class _Envelope(Struct, Generic[T]):
    """An answer that lists rows."""

    data: T
    meta: Any = None
    pageKey: Any = None  # noqa: N815 - the vendor's name


class _Parts(Struct):
    """The same, its rows not yet read."""

    data: Raw | UnsetType = UNSET
    meta: Any = None
    pageKey: Any = None  # noqa: N815 - the vendor's name


def typed_page(body: bytes, codec: Codec) -> Page | None:
    """Read an answer that lists rows straight into typed rows.

    Args:
        body: The answer's bytes.
        codec: Of the stream whose rows they are.

    Returns:
        The page; None where the answer has another form, to be read as dictionaries.

    Raises:
        PleaseRetry: The rows are no objects.
        StreamFailed: There is a next page without a key.
    """
    if body[:1] == b"[":
        return Page(codec.rows(body), size=len(body))
    answer = codec.whole(_Envelope, body)
    if answer is not None:
        rows = codec.rows(answer.data)
    else:
        try:
            answer = decode(body, _Parts)
        except PleaseRetry:
            return None
        data = b"" if answer.data is UNSET else bytes(answer.data)
        if data[:1] != b"[":
            return None
        rows = codec.rows(data)
    cursor = page_key({"meta": answer.meta, "pageKey": answer.pageKey})
    return Page(rows, size=len(body), facts={"cursor": cursor})


def plain_page(body: bytes, inside: str | None = None) -> Page:
    """Read any answer into dictionaries.

    Args:
        body: The answer's bytes.
        inside: The member of `data` that holds the rows.

    Raises:
        PleaseRetry: There are no rows.
        StreamFailed: There is a next page without a key.
    """
    answer = decode(body, Any)
    rows = rows_of(answer, inside)
    facts = {"cursor": page_key(answer)} if isinstance(answer, dict) else {}
    return Page(rows, size=len(body), facts=facts)


def rows_of(answer: Any, inside: str | None = None) -> list[dict[str, Any]]:
    """Take the rows out of an answer, whatever its envelope.

    Args:
        answer: The decoded body: `{"data": [...]}`, `{"data": {...}}` or a bare array.
        inside: The member of `data` that holds the rows.

    Raises:
        PleaseRetry: There are none: no `data`, or no objects in it.
    """
    data = answer
    if isinstance(answer, dict):
        if "data" not in answer:
            raise PleaseRetry("the answer has no 'data'")
        data = answer["data"]
    if inside is not None and isinstance(data, dict):
        data = data.get(inside)
    rows = [data] if isinstance(data, dict) else data if data is not None else []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PleaseRetry("the answer's rows are no objects")
    return rows


def page_key(answer: Mapping[str, Any]) -> str | None:
    """Give the key of the page after this one; None at the end of a list.

    `meta.next` is a relative address that holds the key percent-encoded: it is decoded once here,
    and `+` stays `+`, since the key is Base64. A key at the top of the answer is taken as it is.

    Raises:
        StreamFailed: The address holds no key.
    """
    meta = answer.get("meta")
    following = meta.get("next") if isinstance(meta, dict) else None
    if not isinstance(following, str) or not following.strip():
        plain = answer.get("pageKey")
        return plain if isinstance(plain, str) and plain else None
    for pair in urlsplit(following.strip()).query.split("&"):
        name, _, value = pair.partition("=")
        if name == "pageKey" and value:
            return unquote(value)
    raise StreamFailed("the vendor names a next page without a pageKey; report it to the vendor.")
