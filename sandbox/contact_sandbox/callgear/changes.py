"""Live changes: what happens in the account between two runs of a tap."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from contact_sandbox import seeded
from contact_sandbox.callgear.conversations import (
    VisitMaker,
    chat,
    communication,
    goal,
    offline_message,
)
from contact_sandbox.callgear.events import CallMaker, legs_of
from contact_sandbox.callgear.methods import BY_STREAM
from contact_sandbox.callgear.rows import Row
from contact_sandbox.callgear.values import Values

if TYPE_CHECKING:
    from contact_sandbox.callgear.data import Account

_FIRST_NEW = 2**41
_LATE = timedelta(days=2)


class Change:
    """One set of changes to an account; call it under the vendor's lock."""

    def __init__(self, account: Account, seed: int) -> None:
        """Prepare the changes that `seed` settles."""
        self._account = account
        self._seed = seed
        self._rng = seeded.generator(account.seed, "change", seed)
        self._ident = _FIRST_NEW + 1000 * seed
        self._purpose = f"change {seed}"
        for stream in ("call_legs", "financial_call_legs", "communications", "chat_messages"):
            account.stream(stream)  # these follow from others as they were before the change

    def apply(self) -> None:
        """Add new rows at the recent edge and late ones, and rewrite recent rows."""
        account, maker = self._account, CallMaker(self._account, self._purpose)
        for _ in range(6):
            self._add_call(maker.call(self._recent(), self._next_id()))
        late = maker.call(account.now - _LATE, self._next_id())
        late.update(source="upload_calls", ext_id=f"crm-late-{self._seed}")
        self._add_call(late)
        self._finish_call()
        self._rewrite_calls()
        self._chats()
        self._other_visits()
        self._figures()

    def _recent(self) -> datetime:
        """Return an instant between ten and five minutes ago."""
        ago = timedelta(seconds=300 + int(self._rng.random() * 300))
        return self._account.fraction(self._account.now - ago)

    def _next_id(self) -> int:
        """Return an id that no row has."""
        self._ident += 1
        return self._ident

    def _add_call(self, call: Row) -> None:
        """Add a finished call with its leg, what the leg costs, and its communication."""
        account = self._account
        account.stream("calls").add(call)
        self._follow_call(call)

    def _follow_call(self, call: Row) -> None:
        """Add what follows from a call that has ended."""
        account, rng = self._account, self._rng
        for leg in legs_of(account, call, self._values("call_legs"), rng):
            account.stream("call_legs").add(leg)
            at = leg.at or account.now
            own = {"leg_id": leg.own["id"], "call_session_id": call.own["id"]}
            own |= {"start_time": leg.own["start_time"]}
            self._values("financial_call_legs").fill(own, set(), at)
            account.stream("financial_call_legs").add(account.row(own, at))
        self._add_communication("call", call)

    def _add_communication(self, kind: str, row: Row) -> None:
        """Add the communication of a new row."""
        values = self._values("communications")
        found = communication(self._account, kind, row, values)
        self._account.stream("communications").add(found)

    def _finish_call(self) -> None:
        """Let one ongoing call end: it is listed from now on, at its old start."""
        for call in self._account.stream("calls").rows:
            if call.hidden_unless and call.at:
                call.hidden_unless = None
                end = self._account.clock.text(self._account.now - timedelta(minutes=5))
                call.update(finish_time=end, finish_reason="operator_disconnects")
                self._follow_call(call)
                return

    def _rewrite_calls(self) -> None:
        """Tag and sell ten calls of the last three days."""
        account, rng = self._account, self._rng
        since = account.now - timedelta(days=3)
        calls = [call for call in account.stream("calls").rows if call.at and call.at > since]
        values = self._values("calls")
        listed = [call for call in calls if not call.hidden_unless]
        for call in rng.sample(listed, min(10, len(listed))):
            rewritten = {
                "tags": [*(call.own["tags"] or []), _tag(rng, account, self._seed)],
                "sale_date": account.clock.text(account.now - timedelta(hours=1)),
                "sale_cost": values.make("sale_cost", "n", account.now),
            }
            call.update(**rewritten)
            found = self._communication("call", call.own["id"])
            found.update(**rewritten)

    def _communication(self, kind: str, ident: int) -> Row:
        """Return the communication of a listed row."""
        return next(
            row
            for row in self._account.stream("communications").rows
            if (row.own["communication_type"], row.own["id"]) == (kind, ident)
        )

    def _chats(self) -> None:
        """Change the status of the newest chat and begin another one."""
        account = self._account
        newest = account.stream("chats").rows[-1]
        newest.update(status="succeed" if newest.own["status"] != "succeed" else "lost")
        newest.update(duration=str(int(newest.own["duration"]) + 60))
        begun = chat(VisitMaker(account, "chats", self._purpose), self._recent(), self._next_id())
        account.stream("chats").add(begun)
        self._add_communication("chat", begun)
        at = begun.at or account.now
        own = {"id": self._next_id(), "chat_id": begun.own["id"]}
        own["date_time"] = account.clock.text(at)
        self._values("chat_messages").fill(own, set(), at)
        account.stream("chat_messages").add(account.row(own, at))

    def _other_visits(self) -> None:
        """Add a goal, a visit, and an offline message that comes two days late."""
        account = self._account
        reached = goal(VisitMaker(account, "goals", self._purpose), self._recent(), self._next_id())
        account.stream("goals").add(reached)
        self._add_communication("goal", reached)
        maker = VisitMaker(account, "offline_messages", self._purpose)
        late = offline_message(maker, account.now - _LATE, self._next_id())
        account.stream("offline_messages").add(late)
        self._add_communication("offline_message", late)
        visits = VisitMaker(account, "visitor_sessions", self._purpose)
        own = {"id": self._next_id(), "duration": 5}
        account.stream("visitor_sessions").add(visits.row(self._recent(), own))

    def _figures(self) -> None:
        """Restate the advertising costs of the last day with figures."""
        rows = self._account.stream("campaign_daily_stats").rows
        for row in rows[-3:]:
            row.update(cost_sum=f"{self._rng.random() * 100:.2f}")

    def _values(self, stream: str) -> Values:
        """Return what makes values for a stream."""
        return Values(BY_STREAM[stream], self._account.clock, self._rng)


def _tag(rng: random.Random, account: Account, seed: int) -> dict[str, object]:
    """Return a tag that a user has just set."""
    return {
        "tag_id": 44_000 + seed,
        "tag_name": seeded.words(rng, 1),
        "tag_type": "manual",
        "tag_change_time": account.clock.text(account.now - timedelta(minutes=6)),
        "tag_user_id": 61_001,
        "tag_user_login": "user1@example.com",
        "tag_employee_id": None,
        "tag_employee_full_name": None,
    }
