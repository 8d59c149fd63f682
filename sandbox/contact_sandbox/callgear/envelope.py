"""Reads JSON-RPC requests and writes their replies."""

from __future__ import annotations

import json
from typing import Any

from contact_sandbox.callgear.errors import RpcError
from contact_sandbox.vendor import encode_json


def read_call(body: bytes) -> tuple[Any, str, dict[str, Any]]:
    """Return id, method and params of a request.

    Raises:
        RpcError: The body is no JSON-RPC 2.0 request; batches and notifications are refused.
    """
    try:
        call = json.loads(body.decode("utf-8"))
    except ValueError as error:
        raise RpcError("parse_error") from error
    if isinstance(call, list):
        raise RpcError("batch_operations_not_supported")
    if not isinstance(call, dict):
        raise RpcError("invalid_request")
    if call.get("id") is None:
        raise RpcError("notifications_not_supported", field="id")
    ident, name = call["id"], call.get("method")
    params: Any = call.get("params")
    checks = {
        "jsonrpc": call.get("jsonrpc") == "2.0",
        "id": isinstance(ident, str | int | float) and not isinstance(ident, bool),
        "method": isinstance(name, str),
        "params": isinstance(params, dict),
    }
    for field, fine in checks.items():
        if not fine:
            raise RpcError("invalid_request", field=field, value=call.get(field))
    return ident, str(name), params


def result(ident: Any, head: dict[str, Any] | None, data: Any, *, bare: bool = False) -> bytes:
    """Return a successful reply.

    Args:
        ident: The request's id, echoed.
        head: Members of the result in front of `data`.
        data: An object, or a list of objects or of their JSON.
        bare: Whether the result is the data itself.
    """
    if isinstance(data, list):
        rows = (row if isinstance(row, bytes) else encode_json(row) for row in data)
        parts = [b"[", b",".join(rows), b"]"]
    else:
        parts = [encode_json(data)]
    if not bare:
        front = encode_json(head)[1:-1] + b"," if head else b""
        parts = [b"{" + front + b'"data":', *parts, b"}"]
    return b"".join([b'{"jsonrpc":"2.0","id":', encode_json(ident), b',"result":', *parts, b"}"])
