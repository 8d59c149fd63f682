"""What the vendor refuses or quietly ignores, and how the tap says so."""

from __future__ import annotations

from typing import Any

import pytest

from tap_shared.errors import CredentialsRefused, RunFailed, SettingRefused
from tests.infinity.running import serve

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


def test_no_secret_is_ever_said() -> None:
    with serve(**TINY, forbidden=frozenset({2044})) as site:
        run = site.run("calls", **SMALL)
        key = site.server.settings("infinity")["api_key"]
        assert run.said
        assert not any(str(key) in line for line in run.said)
