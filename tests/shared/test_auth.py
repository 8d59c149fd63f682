from __future__ import annotations

import base64
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_shared.auth import Session, Token, basic, header
from tap_shared.errors import CredentialsRefused


class Vendor:
    """Counts logins and gives a new token at each."""

    def __init__(self, lasts: float = 3600, *, slow: float = 0.0) -> None:
        self.logins = 0
        self.now = 1000.0
        self.lasts = lasts
        self.slow = slow

    def login(self) -> Token:
        time.sleep(self.slow)
        self.logins += 1
        return Token(f"sandbox-token-{self.logins}", self.now + self.lasts)

    def session(self, margin: float = 300) -> Session:
        return Session(self.login, margin=margin, clock=lambda: self.now)


def test_nobody_logs_in_before_a_token_is_asked_for() -> None:
    vendor = Vendor()
    session = vendor.session()
    assert vendor.logins == 0
    assert session.token() == session.token() == "sandbox-token-1"
    assert vendor.logins == 1


def test_a_token_is_renewed_ahead_of_its_end() -> None:
    vendor = Vendor()
    session = vendor.session()
    session.token()
    vendor.now += 3299
    assert session.token() == "sandbox-token-1"
    vendor.now += 2
    assert session.token() == "sandbox-token-2"


def test_many_threads_log_in_once() -> None:
    vendor = Vendor(slow=0.05)
    session = vendor.session()
    got: list[str] = []
    barrier = threading.Barrier(10)

    def work() -> None:
        barrier.wait(5)
        first = session.token()
        barrier.wait(5)
        session.refused(first)
        got.append(session.token())

    workers = [threading.Thread(target=work) for _ in range(10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(10)
    assert set(got) == {"sandbox-token-2"}
    assert vendor.logins == 2


def test_a_late_refusal_does_not_throw_a_new_token_away() -> None:
    vendor = Vendor()
    session = vendor.session()
    old = session.token()
    session.refused(old)
    new = session.token()
    session.refused(old)
    assert session.token() == new
    assert vendor.logins == 2


def test_a_login_that_fails_is_tried_again_by_the_next_one_who_asks() -> None:
    logins: list[Token] = []

    def login() -> Token:
        logins.append(Token("sandbox-token", 9e9))
        if len(logins) == 1:
            raise CredentialsRefused("no")
        return logins[-1]

    session = Session(login)
    with pytest.raises(CredentialsRefused):
        session.token()
    assert session.token() == "sandbox-token"


@given(st.text(), st.text())
def test_a_login_travels_in_utf_8(user: str, password: str) -> None:
    try:
        f"{user}{password}".encode()
    except UnicodeEncodeError:
        return
    scheme, pair = basic(user, password)["Authorization"].split()
    assert scheme == "Basic"
    assert base64.b64decode(pair).decode() == f"{user}:{password}"


def test_a_key_loses_the_white_space_of_copying() -> None:
    assert header("x-api-key", " sandbox-key\n") == {"x-api-key": "sandbox-key"}
