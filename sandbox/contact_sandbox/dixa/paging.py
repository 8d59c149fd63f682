"""Pages: keys that hide a page number, and every form that the end of a list takes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote

from contact_sandbox.dixa.periods import RefusedError
from contact_sandbox.vendor import Request

DEFAULT_LIMIT = 50
_PADDING = "~~~???"
_BAD_KEY = "Invalid value for: query parameter pageKey"
_BAD_LIMIT = "Invalid value for: query parameter pageLimit"
_INT32 = 2**31


@dataclass(frozen=True)
class Place:
    """Where in a list a request stands: which page of which size, counted from 0."""

    page: int
    limit: int


def place(request: Request, most: int, default: int = DEFAULT_LIMIT) -> Place:
    """Return the page that a request asks for.

    A key is the Base64 form of `pageLimit=50&page=1` with a mark of the request that it was given
    for: it is good for the same path and body only. A pageLimit beside it changes the size.

    Raises:
        RefusedError: A limit that is no number from 1 to `most`, or a key not made here.
    """
    page, limit = 0, min(default, most)
    key = request.param("pageKey")
    if key is not None:
        page, limit = _unpack(key, _mark(request))
    asked = request.param("pageLimit")
    if asked is not None:
        if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked) < _INT32:
            raise RefusedError(_BAD_LIMIT)
        limit = int(asked)
    if limit > most:
        raise RefusedError(_BAD_LIMIT)
    return Place(page, limit)


def answer(
    request: Request,
    rows: Sequence[Any],
    at: Place,
    options: Mapping[str, Any],
    *,
    shortest: int = 0,
) -> dict[str, Any]:
    """Return the page of `rows` in its envelope.

    A full page always promises another one, so the last may be empty.

    Args:
        request: What is answered.
        rows: The whole list.
        at: The page asked for.
        options: The vendor's options; looping and key_at matter.
        shortest: If set, pages hold no more than this many rows, whatever was asked, and the
            second is empty although others follow it.
    """
    size = min(at.limit, shortest) if shortest else at.limit
    page = at.page
    if shortest and len(rows) > size:
        page = {0: 0, 1: -1}.get(at.page, at.page - 1)
    data = list(rows[page * size : (page + 1) * size]) if page >= 0 else []
    more = page < 0 or len(data) == size
    looping: bool = options["looping"]
    following = Place(at.page + 1, at.limit) if more else at if looping else None
    if following and options["key_at"] == "top":
        return {"data": data, "pageKey": _key(request, following)}
    host = "https://dev.dixa.io" if options["key_at"] == "absolute" else ""
    links = {}
    if at.page:
        links["previous"] = host + _link(request, Place(at.page - 1, at.limit))
    if following:
        links["next"] = host + _link(request, following)
    return {"data": data} | _meta(request, links, more=following is not None)


def _meta(request: Request, links: dict[str, str], *, more: bool) -> dict[str, Any]:
    """Return the envelope's meta; at the end of a list it takes one of four forms."""
    forms: tuple[dict[str, Any], ...] = ({"meta": links}, {"meta": None}, {"meta": {}}, {})
    return forms[0] if more else forms[zlib.crc32(request.path.encode() + request.body) % 4]


def _mark(request: Request) -> str:
    """Return what ties a key to its path and body."""
    path = request.path.rstrip("/").encode()
    return hashlib.sha256(path + b"\0" + request.body).hexdigest()[:8]


def _link(request: Request, at: Place) -> str:
    """Return the relative address of a page, with a slash before the question mark."""
    return f"{request.path.rstrip('/')}/?pageKey={quote(_key(request, at), safe='')}"


def _key(request: Request, at: Place) -> str:
    """Return the key of a page."""
    inside = f"pageLimit={at.limit}&page={at.page}&mark={_mark(request)}&"
    inside += "." * (-len(inside) % 3) + _PADDING + "="
    return base64.b64encode(inside.encode()).decode()


def _unpack(key: str, mark: str) -> tuple[int, int]:
    """Return page number and size inside a key."""
    try:
        inside = parse_qs(base64.b64decode(key, validate=True).decode())
        page, limit = int(inside["page"][0]), int(inside["pageLimit"][0])
    except (binascii.Error, ValueError, KeyError) as error:
        raise RefusedError(_BAD_KEY) from error
    if inside.get("mark") != [mark]:
        raise RefusedError(_BAD_KEY)
    return page, limit
