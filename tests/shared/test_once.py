"""Parts that several threads ask for at once are made once."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tap_shared.once import made_once
from tap_shared.rate_limit import RateLimit
from tests.shared.at_once import THREADS, at_once
from tests.shared.tiny import KEY, TinyTap


class Account:
    made = 0

    @made_once
    def session(self) -> object:
        """Log in."""
        self.made += 1
        time.sleep(0.01)
        return object()

    @made_once
    def broken(self) -> object:
        """Fail at first."""
        self.made += 1
        if self.made == 1:
            raise ValueError
        return self.made


def test_a_part_is_made_once_for_all_threads() -> None:
    one, two = Account(), Account()
    assert len(set(at_once(lambda: one.session))) == 1
    assert one.made == 1
    assert two.session is not one.session
    assert isinstance(Account.session, made_once)


def test_what_failed_is_made_anew() -> None:
    account = Account()
    with pytest.raises(ValueError, match=r"^$"):
        _ = account.broken
    assert at_once(lambda: account.broken) == [2] * THREADS


def test_a_tap_has_one_limiter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two would let twice the requests through."""
    config = {"api_key": KEY, "start_date": "2024-01-01", "api_url": "http://127.0.0.1:9"}
    tap = TinyTap(config=config, validate_config=False)
    begin = RateLimit.__init__

    def slow(self: RateLimit, **given: Any) -> None:
        time.sleep(0.01)
        begin(self, **given)

    monkeypatch.setattr(RateLimit, "__init__", slow)
    assert len(set(map(id, at_once(lambda: tap.gate)))) == 1
