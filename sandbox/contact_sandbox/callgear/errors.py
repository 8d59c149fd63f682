"""The errors of the API: mnemonics with their codes.

From the error pages of https://callgear.github.io/data_api/.
"""

from __future__ import annotations

from typing import Any

CODES = {
    "parse_error": -32700,
    "invalid_request": -32600,
    "method_not_found": -32601,
    "data_type_error": -32602,
    "required_parameter_missed": -32602,
    "invalid_parameter_value": -32602,
    "unexpected_parameters": -32602,
    "invalid_parameters_combination": -32602,
    "filter_prohibited": -32602,
    "sort_prohibited": -32602,
    "date_interval_limit_reached": -32602,
    "internal_error": -32603,
    "access_token_expired": -32001,
    "access_token_invalid": -32001,
    "access_token_blocked": -32001,
    "auth_error": -32001,
    "ip_not_whitelisted": -32003,
    "forbidden": -32003,
    "method_component_disabled": -32008,
    "parameter_component_disabled": -32008,
    "account_inactive": -32009,
    "limit_exceeded": -32029,
    "batch_operations_not_supported": -32099,
    "notifications_not_supported": -32099,
}
"""Mnemonic -> JSON-RPC error code."""


class RpcError(Exception):
    """An error answer."""

    def __init__(
        self, mnemonic: str, *, field: str | None = None, value: Any = None, **params: Any
    ) -> None:
        """Describe the error.

        Args:
            mnemonic: One of `CODES`.
            field: The parameter (or member of it) at fault.
            value: What the caller sent there; it is echoed, secrets included.
            params: Further facts, for example `limit_type`.
        """
        super().__init__(mnemonic)
        self.mnemonic = mnemonic
        self.field = field
        self.value = value
        self.params = params

    def envelope(self, limits: dict[str, int]) -> dict[str, Any]:
        """Return the JSON-RPC reply; its id is null, as in the vendor's sample."""
        text = self.mnemonic.replace("_", " ").capitalize()
        if self.field is not None:
            text += f": {self.field}"
        data: dict[str, Any] = {
            "mnemonic": self.mnemonic,
            "field": self.field,
            "value": self.value,
            "params": self.params or {"object": "params"},
            "extended_helper": "",
            "metadata": {"limits": limits},
        }
        error = {"code": CODES[self.mnemonic], "message": text, "data": data}
        return {"jsonrpc": "2.0", "id": None, "error": error}
