"""Links that the vendor gives: without the key in them, and only followed on the vendor's host.

That `recordingUrl` may carry the key is inferred: the vendor's calls take it in the query
(https://support.primevox.net/portal/en/kb/articles/call-history-cdr-v2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, unquote_plus, urljoin, urlsplit, urlunsplit

__all__ = ["file_name_of", "has_side_effect", "on_same_host", "without_key"]

_KEY = "auth"
_WAV = ".wav"
_SIDE_EFFECTS = re.compile(r"/(c2c|fax_send)\w*\.php", re.IGNORECASE)
_PORTS = {"https": 443, "http": 80}


def without_key(url: str, redact: Callable[[str], str] = str) -> str:
    """Take the credential out of a link; everything else stays as it was written.

    Args:
        url: The vendor's link.
        redact: Hides what is left of known secrets, wherever in the link they stand.
    """
    head, fragment_mark, fragment = url.partition("#")
    head, query_mark, query = head.partition("?")
    pairs = [pair for pair in query.split("&") if not _is_key(pair)]
    kept = "&".join(pairs)
    bare = _without_login(head) + (query_mark if kept else "") + kept + fragment_mark + fragment
    return redact(bare)


def _is_key(pair: str) -> bool:
    return unquote_plus(pair.partition("=")[0]).strip().lower() == _KEY


def _without_login(head: str) -> str:
    """Take `user:password@` out of the part before the query."""
    scheme, mark, rest = head.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + mark + host.rpartition("@")[2] + slash + path if mark else head


def on_same_host(url: str, base: str) -> str | None:
    """Give the absolute form of a link that leads to the vendor's own host, else None.

    Args:
        url: The vendor's link, absolute or relative.
        base: The `api_url` setting; scheme, host and port have to agree.
    """
    try:
        target = urljoin(f"{base}/", url.strip())
        parts, own = urlsplit(target), urlsplit(base)
        ports = [part.port or _PORTS.get(part.scheme) for part in (parts, own)]
    except ValueError:
        return None
    is_same = (parts.scheme, parts.hostname, ports[0]) == (own.scheme, own.hostname, ports[1])
    if not is_same or has_side_effect(parts.path):
        return None
    return urlunsplit(parts._replace(fragment=""))


def has_side_effect(path: str) -> bool:
    """Tell whether a path places a call or sends a fax, which a GET of it would do.

    Paths: https://support.primevox.net/portal/en/kb/articles/click-to-call-v2 and efax-v2.
    """
    return _SIDE_EFFECTS.search(unquote(path)) is not None


def file_name_of(url: str) -> str | None:
    """Give the wav file's name as a link states it.

    That is `fileName`, else another value that ends in `.wav`, else such an end of its path.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    pairs = parse_qsl(parts.query)
    named = [value for name, value in pairs if name.lower() == "filename"]
    named = named or [value for _, value in pairs if value.lower().endswith(_WAV)]
    last = unquote(parts.path.rpartition("/")[2])
    return named[-1] if named else last if last.lower().endswith(_WAV) else None
