"""CallGear's error table: what each mnemonic of an RPC error means for the run.

Source: https://callgear.github.io/data_api/ (errors and limits).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tap_shared.errors import (
    CredentialsRefused,
    PleaseLogin,
    PleaseRetry,
    PleaseWait,
    StreamFailed,
    StreamUnavailable,
    TapError,
    WindowTooLarge,
)

__all__ = ["MINUTE", "DayLimit", "limits_of", "number_of", "object_of", "vendor_error"]

MINUTE = 60.0
"""Seconds after which the points of a minute are renewed, where the vendor does not say."""

_ENDLESS = float("inf")
_FIELD_NAME = re.compile("[a-z][a-z0-9_]{0,59}")

_CREDENTIALS = {
    "access_token_expired": "the access token has expired; make a new API key in the client area",
    "access_token_invalid": "the access token is unknown; make a new API key in the client area",
    "access_token_blocked": "the access token is blocked",
    "auth_error": "login or password is wrong",
    "ip_not_whitelisted": (
        "this machine's address is not on the account's allow-list (client area, security"
        " settings, API)"
    ),
    "account_inactive": "the account is inactive",
}
_UNAVAILABLE = {
    "forbidden": "the user lacks the right for it",
    "method_component_disabled": "the account's component for it is not enabled",
    "parameter_component_disabled": "the account's component for it is not enabled",
    "method_not_found": "the vendor does not know this method",
}
_SESSION_ENDS = {"access_token_expired", "access_token_invalid"}
_BY_CODE = {
    "-32001": "auth_error",
    "-32003": "forbidden",
    "-32008": "method_component_disabled",
    "-32009": "account_inactive",
    "-32029": "limit_exceeded",
    "-32601": "method_not_found",
    "-32603": "internal_error",
}


def vendor_error(error: Mapping[str, Any], *, by_session: bool) -> TapError:
    """Turn the `error` of an answer into what is to be done about it.

    The vendor's `message` and `value` are left out: they may echo what was sent, even the token.

    Args:
        error: The JSON-RPC error object.
        by_session: Whether the token came from a login, so that a new one can be had.
    """
    data = object_of(error.get("data"))
    name = str(data.get("mnemonic") or _BY_CODE.get(str(error.get("code")), "unknown"))
    if by_session and name in _SESSION_ENDS:
        return PleaseLogin("the session has ended")
    if name in _CREDENTIALS:
        return CredentialsRefused(f"CallGear refuses the login: {_CREDENTIALS[name]} ({name}).")
    if name in _UNAVAILABLE:
        return StreamUnavailable(f"the vendor refuses it: {_UNAVAILABLE[name]} ({name}).")
    return _PASSING.get(name, partial(_refusal, name))(data)


def object_of(value: Any) -> Mapping[str, Any]:
    """Give an object as it is, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def number_of(value: Any) -> float | None:
    """Give what an answer counts, which may come as text; None for what is no count."""
    is_text = isinstance(value, str) and value.isascii() and value.isdigit()
    if not is_text and (isinstance(value, bool) or not isinstance(value, (int, float))):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if 0 <= number < _ENDLESS else None


def _refusal(name: str, data: Mapping[str, Any]) -> TapError:
    field = str(data.get("field") or "")[:80]
    about = f" of '{field}'" if field else ""
    value = data.get("value")
    if field == "fields" and isinstance(value, str) and _FIELD_NAME.fullmatch(value):
        about += f" ('{value}')"
    hint = ""
    if name in {"invalid_parameter_value", "unexpected_parameters"}:
        hint = " If a field is unknown to this account, name it in exclude_fields."
    return StreamFailed(f"the vendor refuses the request: {name}{about}.{hint}")


def _limit_error(data: Mapping[str, Any]) -> TapError:
    params = object_of(data.get("params"))
    limits = limits_of(data.get("metadata"))
    if str(params.get("limit_type", "minute")).startswith("day"):
        return DayLimit(number_of(limits.get("day_reset")))
    after = number_of(limits.get("minute_reset")) or MINUTE
    return PleaseWait("the account's points of this minute are used up", after)


def limits_of(metadata: Any) -> Mapping[str, Any]:
    """Give the account's points as an answer tells them."""
    return object_of(object_of(metadata).get("limits"))


class DayLimit(TapError):
    """The points of the day are used up.

    Args:
        reset: Seconds until they are renewed, where the vendor says.
    """

    def __init__(self, reset: float | None) -> None:
        """Keep when it resets."""
        super().__init__("the account's points of this day are used up")
        self.reset = reset


_PASSING: Mapping[str, Callable[[Mapping[str, Any]], TapError]] = {
    "internal_error": lambda _data: PleaseRetry("the vendor reports an internal error"),
    "limit_exceeded": _limit_error,
    "date_interval_limit_reached": lambda _data: WindowTooLarge(
        "the vendor refuses so long a range"
    ),
}
