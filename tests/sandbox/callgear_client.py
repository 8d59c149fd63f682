"""A bare JSON-RPC client for tests of the CallGear imitation."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from contact_sandbox import Server
from contact_sandbox.callgear.access import TOKEN
from contact_sandbox.callgear.api import CallGear

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
CALLS = "get.calls_report"


class Rpc:
    """Calls methods over one kept connection."""

    def __init__(self, server: Server, token: str | None = TOKEN) -> None:
        """Call the CallGear of `server` with `token`."""
        self.connection = http.client.HTTPConnection(server.url("callgear")[7:], timeout=30)
        self.token = token

    def post(self, body: bytes, path: str = "/v2.0") -> tuple[int, Any]:
        """Send a body; return the status and the parsed answer."""
        self.connection.request("POST", path, body)
        response = self.connection.getresponse()
        content = response.read()
        is_json = response.headers["Content-Type"].startswith("application/json")
        return response.status, json.loads(content) if is_json else content

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the whole answer to a call."""
        if self.token is not None:
            params = {"access_token": self.token, **params}
        call = {"jsonrpc": "2.0", "id": "one", "method": method, "params": params}
        status, answer = self.post(json.dumps(call).encode())
        assert status == 200
        assert isinstance(answer, dict)
        return answer

    def data(self, method: str, **params: Any) -> Any:
        """Return the data of a successful call."""
        answer = self.call(method, **params)
        assert "error" not in answer, answer
        assert answer["id"] == "one"
        return answer["result"]["data"]

    def error(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the error of a refused call, its data merged in."""
        answer = self.call(method, **params)
        assert answer["id"] is None
        error = answer["error"]
        return {**error["data"], "code": error["code"], "message": error["message"]}

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def whole(vendor: CallGear) -> dict[str, str]:
    """Return the range of all rows of `vendor`."""
    clock = vendor.account.clock
    return {"date_from": clock.text(vendor.start), "date_till": clock.text(vendor.now)}


OpenCallGear = Callable[..., tuple[Rpc, CallGear]]
"""Serves an imitation with the given options until the test ends."""
