"""What an answer says beside its rows may be of any type: it is heeded where it makes sense."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contact_sandbox import Reply, Request
from tap_callgear.faults import DayLimit, vendor_error
from tap_shared.errors import PleaseRetry, PleaseWait, StreamFailed, StreamUnavailable
from tests.callgear.conftest import OpenAccount


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": -32003}, StreamUnavailable),
        ({"code": "-32003"}, StreamUnavailable),
        ({"code": -32603, "data": None}, PleaseRetry),
        ({"code": [1], "data": "text"}, StreamFailed),
        ({"code": {}, "data": {"mnemonic": ["x"]}}, StreamFailed),
        ({}, StreamFailed),
    ],
)
def test_an_error_without_a_mnemonic_goes_by_its_code(error: Any, kind: type[Exception]) -> None:
    assert type(vendor_error(error, by_session=False)) is kind


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(7, 7.0), ("8", 8.0), (None, 60.0), ("soon", 60.0), ([], 60.0), (-1, 60.0)],
)
def test_a_limit_of_a_minute_is_waited_for_whatever_it_says(told: Any, seconds: float) -> None:
    data = {"params": {"limit_type": "minute"}, "metadata": {"limits": {"minute_reset": told}}}
    error = vendor_error({"data": {"mnemonic": "limit_exceeded", **data}}, by_session=False)
    assert isinstance(error, PleaseWait)
    assert error.after == seconds


@pytest.mark.parametrize(("told", "seconds"), [("90", 90.0), ("tomorrow", None), (None, None)])
def test_a_limit_of_a_day_says_when_it_ends_or_does_not(told: Any, seconds: float | None) -> None:
    data = {"params": {"limit_type": "day"}, "metadata": {"limits": {"day_reset": told}}}
    error = vendor_error({"data": {"mnemonic": "limit_exceeded", **data}}, by_session=False)
    assert isinstance(error, DayLimit)
    assert error.reset == seconds


@pytest.mark.parametrize("total", ["many", [], -5, True])
def test_a_total_that_is_none_is_not_believed(account: OpenAccount, total: Any) -> None:
    odd = account()
    plain = odd.vendor.handle

    def handle(request: Request) -> Reply:
        reply = plain(request)
        content = json.loads(reply.content()[0])  # type: ignore[arg-type]
        metadata = content.get("result", {}).get("metadata")
        if isinstance(metadata, dict) and b'"get.tags"' in request.body:
            metadata.update(
                total_items=total, limits={"minute_remaining": "0", "minute_reset": "1"}
            )
        return Reply(reply.status, content, reply.headers)

    odd.vendor.handle = handle  # type: ignore[method-assign]
    run = odd.run({**odd.config, "page_size": 4}, catalog=odd.catalog("tags"))
    assert run.code == 0, run.stderr
    assert odd.by_identity(run)["tags"].keys() == odd.truth("tags").keys()
