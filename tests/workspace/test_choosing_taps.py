from __future__ import annotations

import pytest

from dev import imitation, sync
from dev.credentials import LOGINS, has_credentials, logins_text, variable
from dev.problem import Problem

INSTALLED = ["tap-callgear", "tap-dixa", "tap-pbx"]


@pytest.fixture(autouse=True)
def three_taps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "taps", lambda: INSTALLED)
    monkeypatch.setattr(imitation, "imitated", lambda: ["tap-callgear", "tap-dixa"])


def test_without_any_credentials_the_sandbox_serves_every_tap_it_can(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert sync.choose([], {}) == (["tap-callgear", "tap-dixa"], True)
    said = capsys.readouterr().out
    assert "No credentials" in said
    assert "TAP_PBX_API_KEY and TAP_PBX_CONTAINER_ID" in said
    assert "sandbox" in said


def test_with_credentials_only_those_taps_go_to_their_vendors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert sync.choose([], {"TAP_DIXA_API_TOKEN": "fake-dixa-token"}) == (["tap-dixa"], False)
    said = capsys.readouterr().out
    assert "Left out, for want of credentials: tap-callgear, tap-pbx." in said
    assert "fake-dixa-token" not in said


def test_an_empty_variable_is_no_credential() -> None:
    assert sync.choose(["callgear"], {"TAP_DIXA_API_TOKEN": ""}) == (["tap-callgear"], True)


def test_a_named_tap_without_credentials_is_refused_when_others_have_some() -> None:
    with pytest.raises(Problem, match="TAP_CALLGEAR_ACCESS_TOKEN, or TAP_CALLGEAR_LOGIN and") as no:
        sync.choose(["tap-callgear"], {"TAP_DIXA_API_TOKEN": "fake-dixa-token"})
    assert no.value.code == 2


@pytest.mark.parametrize("name", ["tap-nope", "nope"])
def test_an_unknown_tap_is_refused_with_those_that_exist(name: str) -> None:
    with pytest.raises(Problem, match="no tap-nope here; there is tap-callgear, tap-dixa, tap-pbx"):
        sync.choose([name], {})


@pytest.mark.parametrize("tap", sorted(LOGINS))
def test_every_way_to_log_in_is_found_and_named(tap: str) -> None:
    assert not has_credentials(tap, {})
    for way in LOGINS[tap]:
        assert has_credentials(tap, {variable(tap, name): "fake" for name in way})
        assert " and ".join(variable(tap, name) for name in way) in logins_text(tap)
