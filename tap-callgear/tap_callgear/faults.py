"""CallGear's error table: what each mnemonic of an RPC error means for the run.

Source: https://callgear.github.io/data_api/ (errors and limits).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from tap_shared.errors import (
    CredentialsRefused,
    LimitReached,
    PleaseLogin,
    PleaseRetry,
    PleaseWait,
    StreamFailed,
    StreamUnavailable,
    TapError,
    WindowTooLarge,
)

__all__ = [
    "MINUTE", "RequestRefused", "UsedUp", "limits_of", "number_of", "object_of", "used_up",
    "vendor_error",
]  # fmt: skip

MINUTE = 60.0
"""Seconds after which the points of a minute are renewed, where the vendor does not say."""

_ENDLESS = float("inf")
_HOUR = 3600
_MOST_NAMES = 5
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
_PARAMETERS = {
    "access_token", "user_id", "limit", "offset", "filter", "sort", "date_from", "date_till",
    "site_id", "method",
}  # fmt: skip
_BY_CODE = {
    "-32001": "access_token_invalid",
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
    code, name = str(error.get("code"))[:20], str(data.get("mnemonic") or "")[:80]
    if name not in _KNOWN:
        name = _BY_CODE.get(code, name or f"code {code}")
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
    if field in _PARAMETERS or name not in {"invalid_parameter_value", "unexpected_parameters"}:
        return RequestRefused(f"the vendor refuses the request: {name}{about}.")
    names = _names(data.get("value")) if field == "fields" else _names(field.rpartition(".")[2])
    if field == "fields" and names:
        about += f" ({', '.join(map(repr, names[:_MOST_NAMES]))})"
    hint = "If a field is unknown to this account, name it in exclude_fields."
    return RequestRefused(f"the vendor refuses the request: {name}{about}. {hint}", names)


def _names(told: Any) -> list[str]:
    """Give the names of fields that an answer tells of; anything else may be a secret."""
    parts = told if isinstance(told, list) else [told]
    return [one for one in parts if isinstance(one, str) and _FIELD_NAME.fullmatch(one)]


def _limit_error(data: Mapping[str, Any]) -> TapError:
    params = object_of(data.get("params"))
    limits = limits_of(data.get("metadata"))
    kind = str(params.get("limit_type") or "")
    if kind.startswith("day") or (not kind and number_of(limits.get("day_remaining")) == 0):
        return UsedUp("day", _reset(limits, "day"))
    return PleaseWait("the account's points of this minute are used up", _reset(limits, "minute"))


def limits_of(metadata: Any) -> Mapping[str, Any]:
    """Give the account's points as an answer tells them."""
    return object_of(object_of(metadata).get("limits"))


def used_up(limits: Mapping[str, Any]) -> UsedUp | None:
    """Give the period whose points are used up; None where there are some of either."""
    for period in ("day", "minute"):
        if number_of(limits.get(f"{period}_remaining")) == 0:
            return UsedUp(period, _reset(limits, period))
    return None


def _reset(limits: Mapping[str, Any], period: str) -> float:
    """Give the seconds to a reset, of which the vendor may leave the last one out."""
    told = number_of(limits.get(f"{period}_reset"))
    longest = MINUTE if period == "minute" else _ENDLESS
    return longest if told is None else min(max(1.0, told), longest)


class UsedUp(TapError):
    """The points of a period are used up.

    Args:
        period: `day` or `minute`.
        reset: Seconds until they are renewed; endless where the vendor does not say.
    """

    def __init__(self, period: str, reset: float) -> None:
        """Keep when it resets."""
        super().__init__(f"The account's points of this {period} are used up")
        self.reset = reset

    def verdict(self, method: str) -> LimitReached:
        """Give the error that ends the run."""
        when = f"in {self.reset / _HOUR:.1f} h" if self.reset >= _HOUR else f"in {self.reset:.0f} s"
        when = "later" if self.reset == _ENDLESS else when
        return LimitReached(
            f"{self} (at {method}); the state is written, run again when they are renewed, {when}."
        )


class RequestRefused(StreamFailed):
    """The vendor does not accept the request.

    Args:
        sentence: What happened.
        names: Fields that it does not know, where it says so; None where it is about other things.
    """

    def __init__(self, sentence: str, names: Iterable[str] | None = None) -> None:
        """Keep the names beside the sentence."""
        super().__init__(sentence)
        self.names = None if names is None else frozenset(names)


_PASSING: Mapping[str, Callable[[Mapping[str, Any]], TapError]] = {
    "internal_error": lambda _data: PleaseRetry("the vendor reports an internal error"),
    "limit_exceeded": _limit_error,
    "date_interval_limit_reached": lambda _data: WindowTooLarge(
        "the vendor refuses so long a range"
    ),
}
_KNOWN = {*_CREDENTIALS, *_UNAVAILABLE, *_PASSING}
