"""Lets the imitation answer one method otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from contact_sandbox import Reply, Request
from contact_sandbox.callgear.errors import CODES
from tests.contract.bench import Bench

__all__ = ["Content", "Plain", "bend", "refusal"]

Content = dict[str, Any]
Plain = Callable[[Content], Content]


def bend(account: Bench, method: str, change: Callable[[Content, Plain], Content | Reply]) -> None:
    """Give the answers to a method to a function.

    Args:
        account: The account.
        method: The method.
        change: Takes the parameters and what gives the imitation's own answer to some.
    """
    own = account.vendor.handle

    def handle(request: Request) -> Reply:
        call = json.loads(request.body)
        if call["method"] != method:
            return own(request)

        def plain(params: Content) -> Content:
            body = json.dumps({**call, "params": params}).encode()
            answer: Content = json.loads(own(replace(request, body=body)).content()[0])  # type: ignore[arg-type]
            return answer

        answer = change(call["params"], plain)
        return answer if isinstance(answer, Reply) else Reply(200, answer)

    account.vendor.handle = handle  # type: ignore[method-assign]


def refusal(mnemonic: str, *, code: int | None = None, **data: Any) -> Content:
    """Give the answer that refuses a request."""
    number = CODES.get(mnemonic, -32602) if code is None else code
    error = {"code": number, "message": "", "data": {"mnemonic": mnemonic, **data}}
    return {"jsonrpc": "2.0", "id": None, "error": error}
