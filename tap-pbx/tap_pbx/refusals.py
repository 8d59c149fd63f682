"""The vendor's errors: where in an answer they stand, and what is to be done about each.

Documented texts: https://support.primevox.net/portal/en/kb/articles/call-history-cdr-v2 and
sms-mms-messaging-v2; that they come with status 200, and all other wordings, are inferred.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tap_shared.errors import (
    CredentialsRefused,
    PleaseRetry,
    PleaseWait,
    StreamFailed,
    StreamUnavailable,
    TapError,
)
from tap_shared.http import Reply, gateway_faults
from tap_shared.page import decode

__all__ = [
    "DATABASE",
    "Answer",
    "Denied",
    "NotThere",
    "Refused",
    "Unknown",
    "error_of",
    "is_gone",
    "plain_text",
    "read_answer",
    "says_gone",
    "status_faults",
    "vendor_error",
]

Answer = Mapping[str, Any]

DATABASE = "the vendor cannot reach its database"

_BAD_REQUEST = 400
_GONE = frozenset({404, 410})
_LONGEST = 200

_BAD = (
    r"(invalid|missing|required|incorrect|wrong|unknown|expired|disabled|revoked"
    r"|not (valid|recogni[sz]ed|found)|does( not|n't) exist)"
)
_KEY_NAME = r"(api|auth)[ _-]?(auth(entication)?[ _-]?)?key"
_CONTAINER_NAME = r"container([ _-]?id)?"
_TABLE = {
    "wait": r"rate limit|too many requests",
    "retry": r"connecting to the database|try again later",
    "tenant": r"tenant|exist in this container",
    "key": rf"{_KEY_NAME}( \w+){{0,3}} {_BAD}|{_BAD} (\w+ )?{_KEY_NAME}"
           r"|api key and container id|authentication (failed|required)|(invalid|bad) credentials",
    "container": rf"\b{_CONTAINER_NAME}( \w+){{0,2}} {_BAD}|{_BAD} {_CONTAINER_NAME}",
    "rights": r"permission|not (allowed|permitted|enabled|supported)"
              r"|(feature|module|component)( \w+){0,3} (not|un)[ -]?available",
    "denied": r"not authori[sz]ed|denied|forbidden|unauthori[sz]ed|no access",
}  # fmt: skip
_PATTERNS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _TABLE.items()}

_NO_LONGER = re.compile(
    r"not (be )?(found|located|exist)|n't (be )?(found|located|exist)|deleted|purged|removed"
    r"|\bno (such|call|recording|file)\b|expired|no longer",
    re.IGNORECASE,
)
_PAYLOAD = frozenset({"data", "maxResultSize", "conversations", "messages", "events"})
_OUTCOMES = ("success", "status", "result")
_FAILURES = frozenset({"0", "false", "error", "fail", "failed", "failure"})
_TEXTS = ("message", "msg", "error_message", "errorMessage")


class Refused(StreamFailed):
    """The vendor answers with an error that the table does not know.

    Args:
        said: The vendor's text.
    """

    def __init__(self, said: str) -> None:
        """Keep the vendor's text beside the sentence."""
        super().__init__(f'the vendor answers with an error: "{said}".')
        self.said = said


class NotThere(StreamFailed):
    """HTTP 404 or 410: the vendor has no such thing, or the path is another.

    Args:
        sentence: What happened.
        said: The vendor's own text; empty where a web server answers for it.
    """

    def __init__(self, sentence: str, said: str = "") -> None:
        """Keep the vendor's text beside the sentence."""
        super().__init__(sentence)
        self.said = said


class Unknown(StreamUnavailable):
    """The vendor has no such tenant, number or conversation, or does not show it.

    Args:
        said: The vendor's text.
    """

    def __init__(self, said: str) -> None:
        """Keep the vendor's text beside the sentence."""
        super().__init__(f'the vendor refuses it: "{said}".')
        self.said = said


class Denied(CredentialsRefused):
    """A refusal that names neither key nor right: of the key, unless it was good before.

    Args:
        said: How the vendor says it: its text, or an HTTP status.
    """

    def __init__(self, said: str) -> None:
        """Keep how the vendor says it beside the sentence."""
        super().__init__(_denied(said))
        self.said = said


def vendor_error(text: str) -> TapError:
    """Turn an error text of the vendor into what is to be done about it."""
    said = " ".join(text.split())[:_LONGEST]
    kind = next((kind for kind, pattern in _PATTERNS.items() if pattern.search(said)), "")
    if kind == "wait":
        return PleaseWait("the vendor says that it is asked too often")
    if kind == "retry":
        return PleaseRetry(DATABASE)
    if kind == "key":
        return CredentialsRefused(
            "The PBX refuses the API key; make a new one in the portal's Users area and set"
            " api_key."
        )
    if kind == "container":
        return CredentialsRefused(
            "The PBX refuses the container; set container_id to the six digits at the top left of"
            " the portal's dashboard."
        )
    if kind in {"tenant", "rights"}:
        return Unknown(said)
    return Denied(f'"{said}"') if kind == "denied" else Refused(said)


def says_gone(said: str) -> bool:
    """Tell whether an error text says that the vendor has no such thing, or no longer."""
    return _NO_LONGER.search(said) is not None


def is_gone(err: Exception, *, has_succeeded: bool) -> bool:
    """Tell whether the vendor no longer has one of many things, such as a call.

    Args:
        err: What asking for it ended with.
        has_succeeded: Whether others came; until then a bare 404 may mean a wrong path.
    """
    if isinstance(err, NotThere):
        return has_succeeded or bool(err.said)
    return isinstance(err, (Refused, Unknown)) and says_gone(err.said)


def _denied(how: str) -> str:
    return (
        f"The PBX refuses the credentials ({how}); check api_key, container_id and the rights of"
        " the key's user."
    )


def status_faults(reply: Reply) -> None:
    """Raise for every HTTP status that is no success; an error text in the body goes first.

    Raises:
        TapError: Whatever the error table says.
    """
    if reply.status < _BAD_REQUEST:
        return
    error = _error_in(reply.body)
    if error is None or isinstance(error, (Refused, Denied, PleaseRetry)):
        gateway_faults(reply)
    if error is not None and not isinstance(error, (Refused, Denied)):
        raise error
    status = f"HTTP {reply.status}{reply.reference}"
    if reply.status == 401:
        raise CredentialsRefused(_denied(status))
    if reply.status == 403 or isinstance(error, Denied):
        raise Denied(status)
    if reply.status in _GONE:
        sentence = str(error or f"the vendor answers {status}.")
        raise NotThere(sentence, error.said if isinstance(error, Refused) else "")
    raise error or StreamFailed(f"the vendor answers {status}; check api_url.")


def read_answer(body: bytes) -> Answer:
    """Read a body that should be a JSON object, whatever its label says.

    Raises:
        PleaseRetry: It is no JSON object.
        TapError: It is an error; errors come with status 200.
    """
    try:
        answer = _decode(body)
    except PleaseRetry:
        if error := _known_sentence(body):
            raise error from None
        raise
    if text := error_of(answer):
        raise vendor_error(text)
    if isinstance(answer, dict):
        return answer
    msg = "the answer is no JSON object"
    raise PleaseRetry(msg)


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
            return _text_of(answer[name]) or _message_of(answer) or "an unnamed error"
    has_failed = any(str(answer.get(n)).strip().lower() in _FAILURES for n in _OUTCOMES)
    return _message_of(answer) if has_failed or not _PAYLOAD & answer.keys() else None


def _message_of(answer: Mapping[str, Any]) -> str | None:
    return next((text for name in _TEXTS if (text := _text_of(answer.get(name)))), None)


def _text_of(value: object) -> str | None:
    """Give an error's text: itself, its `message`, or the first of several."""
    if isinstance(value, list) and value:
        return _text_of(value[0])
    if isinstance(value, Mapping):
        return _message_of(value)
    return (value.strip() or None) if isinstance(value, str) else None


def _decode(body: bytes) -> object:
    anything: Any = Any
    value: object = decode(body, anything)
    return value


def _error_in(body: bytes) -> TapError | None:
    """Give the error in the body of an HTTP error; a web server's own page holds none."""
    try:
        text = error_of(_decode(body))
    except PleaseRetry:
        return _known_sentence(body)
    return vendor_error(text) if text else None


def plain_text(body: bytes) -> str:
    """Give a body that is a sentence; nothing for HTML, broken JSON or anything long."""
    text = body.decode("utf-8", "replace").strip()
    return "" if len(text) > _LONGEST or text[:1] in {"<", "{", "["} else text


def _known_sentence(body: bytes) -> TapError | None:
    """Give an error that the table knows, sent as bare text."""
    error = vendor_error(plain_text(body))
    return None if isinstance(error, (Refused, Denied)) else error
