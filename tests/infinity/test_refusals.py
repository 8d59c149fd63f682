"""What the vendor refuses or quietly ignores, and how the tap says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from contact_sandbox import Reply, Request
from tap_infinity.page_limit import LimitTooHigh, PageLimit
from tap_shared.errors import CredentialsRefused, RunFailed, SettingRefused
from tests.infinity.running import Site, serve

SMALL: dict[str, Any] = {
    "page_size": 20,
    "window": "3d",
    "max_attempts": 3,
    "end_date": "2026-11-20T15:31:00Z",
}
TINY: dict[str, Any] = {"calls": 60, "days": 5}


@pytest.mark.parametrize(
    ("config", "without", "setting"),
    [
        ({"username": "u", "password": "p"}, (), "api_key"),
        ({}, ("api_key",), "api_key"),
        ({"username": "u"}, ("api_key",), "password"),
        ({"password": "p"}, ("api_key",), "username"),
        ({"api_version": "v3"}, (), "api_version"),
        ({"metrics_timezone": "Mars/Base"}, (), "metrics_timezone"),
        ({"metrics_timezone": None}, (), "metrics_timezone"),
        ({"page_size": 50_001}, (), "page_size"),
        ({"igrp_ids": [-1]}, (), "igrp_ids"),
        ({"igrp_ids": ["x"]}, (), "igrp_ids.0"),
    ],
)
def test_wrong_settings_are_refused_before_any_request(
    config: dict[str, Any], without: tuple[str, ...], setting: str
) -> None:
    with serve(**TINY) as site:
        run = site.run("calls", without=without, **config)
        assert isinstance(run.error, SettingRefused)
        assert run.error.setting == setting
        assert run.code == 2
        assert not site.server.log.entries


@pytest.mark.parametrize(
    ("config", "hint"),
    [
        ({"api_key": "sandbox-no-such-key"}, "check api_key."),
        ({"api_version": "v2"}, "with this login api_version is v2.1"),
    ],
)
def test_refused_credentials_end_the_run(config: dict[str, Any], hint: str) -> None:
    with serve(**TINY) as site:
        run = site.run("calls", "channels", **config)
        assert isinstance(run.error, CredentialsRefused)
        assert run.code == 2
        assert hint in str(run.error)
        assert len(site.server.log.entries) == 1


def test_a_login_is_refused_under_the_keys_version() -> None:
    with serve(auth="basic", **TINY) as site:
        run = site.run("calls", api_version="v2.1")
        assert "with this login api_version is v2" in str(run.error)


@pytest.mark.parametrize(
    ("option", "said"), [("forbidden", "access denied"), ("unknown", "Resource not found")]
)
def test_a_refused_installation_harms_no_other(option: str, said: str) -> None:
    with serve(**{**TINY, option: frozenset({101})}) as site:
        run = site.run("calls", "channels", "channel_metrics", **SMALL)
        assert isinstance(run.error, RunFailed)
        assert run.code == 1
        for stream in ("calls", "channels", "channel_metrics"):
            assert run.keyed(stream).keys() == site.vendor.expected(stream).keys()
            told = [line for line in run.said if f"Stream '{stream}' (igrp 101)" in line]
            assert len(told) == 1
            assert said in told[0]
            assert "Deselect it, or set skip_unavailable." in told[0]
        marked = run.state["bookmarks"]["calls"]["partitions"]
        assert {p["context"]["igrp"] for p in marked if "replication_key_value" in p} == {
            2044,
            31007,
            40001,
        }
        skipped = site.run("calls", skip_unavailable=True, **SMALL)
        assert skipped.error is None
        assert skipped.keyed("calls") == run.keyed("calls")


def test_an_unknown_route_of_the_keys_version_hints_at_the_other() -> None:
    with serve(**TINY) as site:
        run = site.run("calls", igrp_ids=[999], **SMALL)
        assert any('try api_version "v2"' in line for line in run.said)


@pytest.mark.parametrize("ignored", ["filter", "sort"])
def test_a_vendor_that_ignores_filter_or_sort_is_not_read_for_ever(ignored: str) -> None:
    with serve(**TINY, ignore=frozenset({ignored})) as site:
        run = site.run("calls", igrp_ids=[101], **SMALL)
        assert run.code == 1
        assert any("rowId does not grow from row to row" in line for line in run.said)
        assert len(site.server.log.entries) < 12
        parts = run.state["bookmarks"]["calls"]["partitions"] if run.states else []
        assert not any("replication_key_value" in part for part in parts)


def test_a_vendor_that_ignores_the_offset_is_not_read_for_ever() -> None:
    with serve(**TINY, ignore=frozenset({"offset"})) as site:
        run = site.run("channels", igrp_ids=[101], **SMALL)
        assert run.code == 1
        assert any("did not heed the offset" in line for line in run.said)
        assert len(site.server.log.entries) < 6


def test_a_page_size_that_is_refused_is_halved_once_for_all() -> None:
    with serve(**TINY, cap=30) as site:
        run = site.run("calls", igrp_ids=[101], **{**SMALL, "page_size": 200})
        assert run.error is None
        sizes = [int(q["limit"][0]) for q in site.requests("/triggers/calls")]
        assert {1, 25, 50, 100, 200} == set(sizes), "the highest rowId is one row"
        assert sizes.count(200) <= 2
        truth = {k for k in site.vendor.expected("calls") if k[0] == 101}
        assert run.keyed("calls").keys() == truth


def bent(site: Site, path: str, change: Callable[[int, Reply], Reply]) -> None:
    """Change the answers to requests whose path ends so, by their number."""
    answer, coming = site.vendor.handle, count()

    def handle(request: Request) -> Reply:
        reply = answer(request)
        return change(next(coming), reply) if request.path.endswith(path) else reply

    site.vendor.handle = handle  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "said",
    ["Query time limit exceeded, please try again later", "Too many connections, limit reached"],
)
def test_a_limit_that_passes_does_not_shrink_the_page(said: str) -> None:
    with serve(**TINY) as site:
        bent(site, "/triggers/calls", lambda n, told: Reply(200, f'"{said}"') if n < 2 else told)
        run = site.run("calls", igrp_ids=[101], **SMALL)
        assert run.error is None
        assert {int(q["limit"][0]) for q in site.requests("/triggers/calls")} <= {1, 20}
        truth = {k for k in site.vendor.expected("calls") if k[0] == 101}
        assert run.keyed("calls").keys() == truth


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_page_size_is_refused_with_one_status_or_another(status: int) -> None:
    def change(_number: int, told: Reply) -> Reply:
        return Reply(status, told.body, told.headers) if told.status == 400 else told

    with serve(**TINY, cap=30) as site:
        bent(site, "/triggers/calls", change)
        run = site.run("calls", igrp_ids=[101], **{**SMALL, "page_size": 50})
        assert run.error is None
        assert len(run.keyed("calls")) == sum(k[0] == 101 for k in site.vendor.expected("calls"))


def test_halving_does_not_go_past_a_cap_that_is_known() -> None:
    limit, asked = PageLimit(10_000, logging.getLogger("test")), list[int]()

    def ask(rows: int) -> int:
        asked.append(rows)
        if rows > 1000:
            raise LimitTooHigh("limit")
        return rows

    assert limit.use(ask) == 1000
    assert asked == [10_000, 5000, 2500, 1250, 1000]


def test_a_group_that_is_refused_keeps_no_other_numbers_back() -> None:
    with serve(**TINY) as site:
        whole = site.run("numbers", igrp_ids=[101])
        groups = sorted({str(row["dgrp"]) for row in whole.records("numbers")})
        assert len(groups) > 1
        refused = f"/dgrps/{groups[0]}/numbers"
        bent(site, refused, lambda _number, _told: Reply(404, '"Resource not found"'))
        left = {k for k, row in whole.keyed("numbers").items() if str(row["dgrp"]) != groups[0]}
        run = site.run("numbers", igrp_ids=[101])
        assert run.code == 1
        assert any(f"dial-in group {groups[0]}:" in line for line in run.said)
        skipped = site.run("numbers", igrp_ids=[101], skip_unavailable=True)
        assert skipped.error is None
        assert run.keyed("numbers").keys() == skipped.keyed("numbers").keys() == left


def test_a_row_without_an_id_does_not_vanish() -> None:
    def change(_number: int, told: Reply) -> Reply:
        held = told.content()[0]
        body = held if isinstance(held, bytes) else b"".join(held)
        more = b'{"rowId":null,"triggerDatetime":"2026-11-19 10:00:00"}\n'
        is_page = body.count(b"rowId") > 1  # one row is the answer to which the highest is
        return Reply(200, body + more * is_page, told.headers)

    with serve(**TINY) as site:
        bent(site, "/triggers/calls", change)
        run = site.run("calls", igrp_ids=[101], **SMALL)
        assert run.code == 1
        assert any("without a usable rowId" in line for line in run.said)


def test_no_secret_is_ever_said() -> None:
    with serve(**TINY, forbidden=frozenset({2044})) as site:
        run = site.run("calls", **SMALL)
        key = site.server.settings("infinity")["api_key"]
        assert run.said
        assert not any(str(key) in line for line in run.said)
