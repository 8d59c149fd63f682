"""What an answer says beside its rows may be of any type: it is heeded where it makes sense."""

from __future__ import annotations

import json
import time
from math import inf
from typing import Any
from unittest.mock import patch

import pytest

from contact_sandbox import Reply, Request
from tap_callgear.client import CallGearClient
from tap_callgear.faults import UsedUp, vendor_error
from tap_callgear.tap import TapCallGear
from tap_shared.errors import (
    CredentialsRefused,
    PleaseRetry,
    PleaseWait,
    StreamFailed,
    StreamUnavailable,
)
from tap_shared.page import Page
from tests.callgear.conftest import OpenAccount


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": -32003}, StreamUnavailable),
        ({"code": "-32003"}, StreamUnavailable),
        ({"code": -32603, "data": None}, PleaseRetry),
        ({"code": -32029, "data": {"mnemonic": "new_word"}}, PleaseWait),
        ({"code": -32009, "data": {"mnemonic": "new_word"}}, CredentialsRefused),
        ({"code": -32001, "data": {"mnemonic": "new_word"}}, CredentialsRefused),
        ({"code": -32602, "data": {"mnemonic": "new_word"}}, StreamFailed),
        ({"code": [1], "data": "text"}, StreamFailed),
        ({"code": {}, "data": {"mnemonic": ["x"]}}, StreamFailed),
        ({}, StreamFailed),
    ],
)
def test_an_error_without_a_mnemonic_goes_by_its_code(error: Any, kind: type[Exception]) -> None:
    found = vendor_error(error, by_session=False)
    assert isinstance(found, kind)
    assert isinstance(found, StreamFailed) == (kind is StreamFailed)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(7, 7.0), ("8", 8.0), (None, 60.0), ("soon", 60.0), ([], 60.0), (-1, 60.0), (0, 1.0)],
)
def test_a_limit_of_a_minute_is_waited_for_whatever_it_says(told: Any, seconds: float) -> None:
    data = {"params": {"limit_type": "minute"}, "metadata": {"limits": {"minute_reset": told}}}
    error = vendor_error({"data": {"mnemonic": "limit_exceeded", **data}}, by_session=False)
    assert isinstance(error, PleaseWait)
    assert error.after == seconds


@pytest.mark.parametrize(
    ("told", "seconds"), [("90", 90.0), ("tomorrow", inf), (None, inf), (0, 1.0)]
)
def test_a_limit_of_a_day_says_when_it_ends_or_does_not(told: Any, seconds: float) -> None:
    data = {"params": {"limit_type": "day"}, "metadata": {"limits": {"day_reset": told}}}
    error = vendor_error({"data": {"mnemonic": "limit_exceeded", **data}}, by_session=False)
    assert isinstance(error, UsedUp)
    assert error.reset == seconds


def test_a_limit_that_names_no_period_goes_by_what_is_left() -> None:
    limits = {"day_remaining": 0, "day_reset": 7, "minute_remaining": 3}
    error = {"data": {"mnemonic": "limit_exceeded", "metadata": {"limits": limits}}}
    found = vendor_error(error, by_session=False)
    assert isinstance(found, UsedUp)
    assert found.reset == 7.0


@pytest.mark.parametrize("field", ["offset", "sort", "date_from"])
def test_exclude_fields_is_named_only_where_it_may_help(field: str) -> None:
    error = {"data": {"mnemonic": "invalid_parameter_value", "field": field, "value": 1}}
    assert "exclude_fields" not in str(vendor_error(error, by_session=False))


@pytest.mark.parametrize(
    "total", ["many", [], -5, True, "9" * 400, 10**400], ids=lambda total: str(total)[:9]
)
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
    run = odd.run({**odd.config, "page_size": 4}, catalog=odd.catalog("tags"), hurries=True)
    assert run.code == 0, run.stderr
    assert odd.by_identity(run)["tags"].keys() == odd.truth("tags").keys()


@pytest.fixture
def client() -> CallGearClient:
    config = {"start_date": "2026-01-01", "login": "sandbox", "password": "sandbox-password"}
    return TapCallGear(config=config, validate_config=False).client


@pytest.mark.parametrize("told", [1e9, "9" * 12, "soon"])
def test_no_answer_makes_a_minute_longer(client: CallGearClient, told: Any) -> None:
    client._heed({"limits": {"minute_remaining": 0, "minute_reset": told}})
    assert client._tap.gate._held_until <= time.monotonic() + 60


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": "x"}, {"id": [1]}])
def test_a_site_without_an_id_fails_what_needs_it(client: CallGearClient, row: Any) -> None:
    with patch.object(client, "read", lambda *_: Page([row])), pytest.raises(StreamFailed):
        _ = client.site_ids


@pytest.mark.parametrize("end", [None, "soon", [], {}, "9" * 400, 1000])
def test_a_session_of_an_unknown_end_is_used(client: CallGearClient, end: Any) -> None:
    page = Page([{"access_token": "sandbox-token", "expire_at": end}])
    with patch.object(client._transport, "send", lambda *_: page):
        assert abs(client._new_session().expires_at - time.time() - 3600) < 60
