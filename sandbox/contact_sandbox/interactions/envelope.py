"""The reporting service's envelope around every answer, and its errors inside status 200.

Source: the response classes in github.com/motioncx/CollabIntegrationExample (src/Reporting).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from contact_sandbox.vendor import Reply

_JSON = "text/json; charset=utf-8"


class Code(IntEnum):
    """Value of `resultCode`."""

    SUCCESS = 0
    NOT_FOUND = 1
    AUTHORIZATION_FAILED = 2
    ERROR = 3
    INVALID_REQUEST = 4


_TEXTS = {
    Code.NOT_FOUND: "The requested item was Not found.",
    Code.AUTHORIZATION_FAILED: "Authorization failed.",
    Code.ERROR: "Unexpected error",
    Code.INVALID_REQUEST: "The request was malformed or invalid.",
}


def success(
    data: object, kind: str, paging: dict[str, int] | None = None, *, lax: bool = False
) -> Reply:
    """Return a successful answer.

    Args:
        data: The payload.
        kind: Name of the .NET type, which `dataType` tells.
        paging: `total`, `limit` and `offset`, where the service fills them.
        lax: Whether `hasPaging` arrives as the text that the vendor's client class declares.
    """
    told: bool | str = paging is not None
    content = {
        **_head(Code.SUCCESS),
        "data": data,
        "dataType": kind,
        "hasPaging": str(told).lower() if lax else told,
        **({"paging": paging} if paging is not None else {}),
    }
    return _reply(content, 200)


def failure(code: Code, detail: str | None = None, status: int = 200) -> Reply:
    """Return an error.

    Args:
        code: The result code.
        detail: Text of the error object; without one `data` is null.
        status: HTTP status, for most errors 200.
    """
    name = _head(code)["resultCodeName"]
    content = {
        **_head(code),
        "errorMessage": _TEXTS[code],
        "data": None if detail is None else {"error": detail, "errorType": name},
        "dataType": "JObject" if detail is None else "ReportV3APIResponseError",
        "hasPaging": False,
    }
    return _reply(content, status)


def _head(code: Code) -> dict[str, Any]:
    """Return the result code and its name."""
    return {"resultCode": int(code), "resultCodeName": code.name.title().replace("_", "")}


def _reply(content: dict[str, Any], status: int) -> Reply:
    """Return the reply, labelled as the docs' examples ask for it."""
    return Reply(status, content, {"Content-Type": _JSON})
