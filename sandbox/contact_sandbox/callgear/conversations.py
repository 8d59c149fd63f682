"""Rows of chats, messages, goals, offline messages, visits and of their union."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from contact_sandbox import seeded
from contact_sandbox.callgear.events import FIRST_CALL
from contact_sandbox.callgear.methods import BY_STREAM
from contact_sandbox.callgear.rows import Row
from contact_sandbox.callgear.values import Values

if TYPE_CHECKING:
    from contact_sandbox.callgear.data import Account

COMMUNICATION_OWN = (
    "id", "communication_type", "communication_number", "date_time", "sale_date", "sale_cost",
    "tags", "attributes",
)  # fmt: skip
"""Fields of a communication that are not about its visitor."""

COMMUNICATION_STREAMS = {
    "call": "calls",
    "chat": "chats",
    "goal": "goals",
    "offline_message": "offline_messages",
}
"""Type of communication -> the stream of its rows."""


class VisitMaker:
    """Makes rows of one report about visitors."""

    def __init__(self, account: Account, stream: str, purpose: str = "history") -> None:
        """Make rows of `stream`."""
        self._account = account
        self._stream = stream
        self.rng = seeded.generator(account.seed, stream, purpose)
        self.values = Values(BY_STREAM[stream], account.clock, self.rng)

    def row(self, at: datetime, own: dict[str, Any]) -> Row:
        """Return the row of the instant `at` with the values `own`, the rest by chance."""
        visitor = seeded.pick(self.rng, self._account.visitors)
        own = {"date_time": self._account.clock.text(at), **own}
        if self._stream in COMMUNICATION_STREAMS.values():
            kind = next(k for k, name in COMMUNICATION_STREAMS.items() if name == self._stream)
            own["communication_type"] = kind
        return self._account.row(self.values.fill(own, set(visitor.values), at), at, visitor)


def chats(account: Account) -> list[Row]:
    """Return the chats; their ids may be ids of calls too, their duration is text."""
    maker = VisitMaker(account, "chats")
    moments = account.moments("chats", account.options["calls"] // 5)
    return [chat(maker, at, FIRST_CALL + 1 + place) for place, at in enumerate(moments)]


def chat(maker: VisitMaker, at: datetime, ident: int) -> Row:
    """Return the chat `ident` that began at `at`."""
    own = {"id": ident, "communication_id": ident, "duration": str(37 * ident % 900)}
    row = maker.row(at, own)
    if row.own["visitor_ids"] is None and maker.rng.random() < 0.5:
        row.own["visitor_ids"] = []
    return row


def messages(account: Account) -> list[Row]:
    """Return three messages for every chat; one text ends in half a surrogate pair."""
    rng = seeded.generator(account.seed, "chat_messages")
    values = Values(BY_STREAM["chat_messages"], account.clock, rng)
    rows = []
    for place, owner in enumerate(account.stream("chats").rows):
        for number in range(3):
            at = (owner.at or account.start) + timedelta(seconds=20 * number)
            own: dict[str, Any] = {
                "id": 7_000_000_000 + 10 * place + number,
                "chat_id": owner.own["id"],
                "date_time": account.clock.text(at),
                "visitor_id": owner.get("visitor_id"),
                "text": seeded.LONE_SURROGATE if (place, number) == (9, 1) else seeded.text(rng),
            }
            rows.append(account.row(values.fill(own, set(), at), at))
    return rows


def goals(account: Account) -> list[Row]:
    """Return reached goals: `id` names the definition, `ext_id` is text or a number."""
    maker = VisitMaker(account, "goals")
    moments = account.moments("goals", account.options["calls"] // 4)
    return [goal(maker, at, FIRST_CALL + 3 * place) for place, at in enumerate(moments)]


def goal(maker: VisitMaker, at: datetime, ident: int) -> Row:
    """Return the goal whose communication is `ident`."""
    code = int(maker.rng.random() * 10**6)
    own = {
        "id": 11 + ident % 5,
        "communication_id": ident,
        "ext_id": code if maker.rng.random() < 0.5 else str(code),
    }
    return maker.row(at, own)


def offline_messages(account: Account) -> list[Row]:
    """Return offline messages, two technical ones and half a surrogate pair among them."""
    maker = VisitMaker(account, "offline_messages")
    moments = account.moments("offline_messages", account.options["calls"] // 8)
    rows = [offline_message(maker, at, 880_000 + 11 * n) for n, at in enumerate(moments)]
    rows[5].own["text"] = seeded.LONE_SURROGATE
    for row in rows[6:8]:
        row.hidden_unless = "include_tech_offline_messages"
    return rows


def offline_message(maker: VisitMaker, at: datetime, ident: int) -> Row:
    """Return the offline message `ident`."""
    text = seeded.text(maker.rng, 0.5)
    return maker.row(at, {"id": ident, "communication_id": ident, "text": text})


def sessions(account: Account) -> list[Row]:
    """Return visits; their duration is a number or text, their hits now and then one object."""
    maker = VisitMaker(account, "visitor_sessions")
    rows = []
    for place, at in enumerate(account.moments("visitor_sessions", account.options["calls"])):
        seconds = int(maker.rng.random() * 3000)
        own: dict[str, Any] = {"id": 9_500_000_000 + 3 * place}
        own["duration"] = str(seconds) if place % 2 else seconds
        row = maker.row(at, own)
        if account.options["hits_object"] and place % 20 == 0 and row.own["hits"]:
            row.own["hits"] = row.own["hits"][0]
        rows.append(row)
    return rows


def uploaded_calls(account: Account) -> list[Row]:
    """Return uploaded calls: the range is over `upload_time`, the calls are older."""
    rng = seeded.generator(account.seed, "uploaded_calls")
    values = Values(BY_STREAM["uploaded_calls"], account.clock, rng)
    moments = account.moments("uploaded_calls", account.options["calls"] // 10)
    rows = []
    for place, at in enumerate(moments):
        began = at - timedelta(days=3)
        own = {
            "ext_id": f"crm-{place // 2}",
            "ext_request_id": f"request-{place}",
            "upload_time": account.clock.text(at),
            "start_time": account.clock.text(began),
            "finish_time": account.clock.text(began + timedelta(minutes=3)),
        }
        rows.append(account.row(values.fill(own, set(), at), at))
    return rows


def communications(account: Account) -> list[Row]:
    """Return the union of calls, chats, goals and offline messages."""
    rng = seeded.generator(account.seed, "communications")
    values = Values(BY_STREAM["communications"], account.clock, rng)
    return [
        communication(account, kind, row, values)
        for kind, stream in COMMUNICATION_STREAMS.items()
        for row in account.stream(stream).rows
        if not row.hidden_unless
    ]


def communication(account: Account, kind: str, row: Row, values: Values) -> Row:
    """Return the communication of a call, chat, goal or offline message."""
    at = row.at or account.start
    own = {name: row.own[name] for name in COMMUNICATION_OWN if name in row.own}
    own |= {
        "id": row.own["communication_id"],
        "communication_type": kind,
        "date_time": account.clock.text(at),
    }
    return account.row(values.fill(own, set(row.blocks[0].values), at), at, row.blocks[0])
