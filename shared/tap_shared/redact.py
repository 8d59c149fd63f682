"""Secrets out of everything that is printed.

One redactor is fed with the value of every secret setting; it sits where log records are made, so
no logger and no handler can pass it by.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import traceback
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from tap_shared.printable import printable

__all__ = ["Redactor", "install"]

_MASK = "***"
_SHORTEST = 4


class Redactor:
    """Replaces known secrets, in any of the forms in which they travel."""

    def __init__(self) -> None:
        """Start with nothing to hide."""
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, *secrets: str | None) -> None:
        """Hide these values: raw, percent-encoded, JSON-escaped, in base64, alone or as a pair.

        Args:
            secrets: Values; several are also hidden as the pair `first:second` in base64, as HTTP
                Basic sends them.
        """
        known = [s for s in secrets if s]
        joined = ":".join(known)
        for secret in {*known, joined, *(s.strip() for s in known)}:
            self._forms.update(_forms_of(secret))
        forms = sorted((f for f in self._forms if len(f) >= _SHORTEST), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, forms))) if forms else None

    def __call__(self, text: str) -> str:
        """Give the text with every known secret replaced by `***`."""
        return text if self._pattern is None else self._pattern.sub(_MASK, text)


def _forms_of(secret: str) -> Iterable[str]:
    raw = secret.encode("utf-8", "replace")
    yield secret
    yield repr(secret)[1:-1]
    for percent in (quote(secret, safe="", errors="replace"), quote(secret, errors="replace"),
                    quote_plus(secret, errors="replace")):  # fmt: skip
        yield percent
        yield re.sub("%..", lambda m: m[0].lower(), percent)
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
    for encoded in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        yield encoded
        yield encoded.rstrip("=")


def _lines(text: str) -> str:
    """Keep a message's own lines, and no other control character: fields' names may hold some."""
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))


def install(redact: Redactor) -> None:
    """Pass every log record of this process through the redactor as it is made.

    Tracebacks are kept for DEBUG only: at any other level an error is one line.
    """
    make = logging.getLogRecordFactory()
    previous: Any = getattr(make, "without_redaction", make)

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = previous(*args, **kwargs)
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a wrong format must not end the run
            text, record.msg, record.args = "", redact(str(record.msg)), ()
        if (clean := _lines(redact(text))) != text:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0] is not None:
            if logging.getLogger(record.name).isEnabledFor(logging.DEBUG):
                record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)))
            record.exc_info = None
        return record

    factory.without_redaction = previous  # type: ignore[attr-defined]
    logging.setLogRecordFactory(factory)
