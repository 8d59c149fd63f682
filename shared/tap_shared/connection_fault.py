"""Why a connection failed, in words: nobody there, no such name, a certificate, a proxy."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from requests.exceptions import ConnectTimeout, ProxyError, ReadTimeout
from urllib3.exceptions import NameResolutionError

__all__ = ["connection_fault"]

_CLOCK = "check this machine's clock, too"
_AUTHORITY = "where a proxy has an authority of its own, name its file in REQUESTS_CA_BUNDLE"
_HINTS = {9: _CLOCK, 10: _CLOCK, 18: _AUTHORITY, 19: _AUTHORITY, 20: _AUTHORITY}
"""By OpenSSL's X509_V_ERR codes: not yet valid, expired; signed by itself or by nobody known."""


_FAILED = "the connection failed"
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectTimeout, "no connection to {host} within 10 s"),
    (ReadTimeout, "no answer in time from {host}"),
    (ProxyError, f"{_FAILED}: the proxy of the environment does not lead to {{host}}"),
    (NameResolutionError, f"{_FAILED}: the name {{host}} is not known (DNS)"),
    (ConnectionRefusedError, f"{_FAILED}: nobody listens at {{host}}"),
    (ConnectionResetError, f"{_FAILED}: {{host}} closed it without an answer"),
    (ssl.SSLCertVerificationError, f"{_FAILED}: the TLS certificate of {{host}} is not accepted"),
    (ssl.SSLError, f"{_FAILED}: {{host}} does not speak TLS as it should"),
    (OSError, f"{_FAILED}: {{host}}"),
)
"""What is wrapped in an error, the most telling first."""


def connection_fault(err: Exception, host: str | None) -> str:
    """Say what failed without the URL's path or query, which may hold secrets.

    Args:
        err: What `requests` or `urllib3` raised.
        host: Whom we asked.
    """
    causes = list(_causes(err))
    for kind, sentence in _KINDS:
        # The innermost knows most.
        for cause in reversed(causes):
            if isinstance(cause, kind):
                return sentence.format(host=host) + _detail(cause)
    return f"{_FAILED} ({type(err).__name__}): {host}"


def _detail(cause: BaseException) -> str:
    """Give what the system says of it, in brackets, with what may help."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        hint = _HINTS.get(cause.verify_code)
        return f" ({'; '.join(filter(None, (cause.verify_message.rstrip('.'), hint)))})"
    if isinstance(cause, ssl.SSLError):
        return f" ({(cause.reason or 'TLS error').replace('_', ' ').lower()})"
    if type(cause) is OSError and cause.strerror:
        return f" ({cause.strerror})"
    return ""


def _causes(err: BaseException) -> Iterator[BaseException]:
    """Give an error and what is wrapped in it, the outermost first."""
    todo, seen = [err], set()
    while todo:
        one = todo.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            within = (*one.args, getattr(one, "reason", None), one.__cause__, one.__context__)
            todo += [each for each in within if isinstance(each, BaseException)]
