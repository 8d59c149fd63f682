"""JSON the way PHP writes it, and what PHP writes when it fails.

The vendor's answers are `*.php`; their spelling is inferred from PHP's `json_encode`.
"""

from __future__ import annotations

import json
from typing import Any

from contact_sandbox.vendor import Reply

WARNING = (
    "<br />\n<b>Warning</b>:  mysqli_query(): MySQL server has gone away in "
    "<b>/var/www/html/api/common.php</b> on line <b>212</b><br />\n"
)
NOT_FOUND = (
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>404 Not Found'
    "</title>\n</head><body>\n<h1>Not Found</h1>\n</body></html>\n"
)


def encode(value: Any) -> bytes:
    """Return compact JSON: ASCII only, slashes escaped, an empty map written as `[]`."""
    return json.dumps(_empty(value), separators=(",", ":")).replace("/", "\\/").encode()


def _empty(value: Any) -> Any:
    """Return `value` with every empty map turned into a list: PHP has one type for both."""
    if isinstance(value, dict):
        return {key: _empty(part) for key, part in value.items()} or []
    return value


def reply(value: Any, content_type: str, status: int = 200) -> Reply:
    """Return `value` as a reply labelled `content_type`."""
    return Reply(status, encode(value), {"Content-Type": content_type})


def error(message: str, content_type: str, status: int = 200) -> Reply:
    """Return the vendor's error answer, by default in a 200."""
    return reply({"error": message}, content_type, status)


def not_found() -> Reply:
    """Return the web server's page for a path that does not exist."""
    return Reply(404, NOT_FOUND, {"Content-Type": "text/html; charset=iso-8859-1"})


def integer(text: str | None, default: int = 0) -> int:
    """Return a parameter as PHP's intval reads it: digits in front, else `default`."""
    digits = (text or "").strip()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.removeprefix("-").removeprefix("+")
    front = digits[: len(digits) - len(digits.lstrip("0123456789"))]
    return sign * int(front) if front else default
