"""Rows of calls and of their legs."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from contact_sandbox import seeded
from contact_sandbox.callgear.methods import METHODS
from contact_sandbox.callgear.reference import reference_ids
from contact_sandbox.callgear.rows import Block, Row
from contact_sandbox.callgear.values import NULLS, Values

if TYPE_CHECKING:
    from contact_sandbox.callgear.data import Account

FIRST_CALL = 2_427_195_081
"""Id of the first call, from the vendor's sample."""

_CALLS = METHODS["get.calls_report"]
_LEGS = METHODS["get.call_legs_report"]
_HANDLING = (
    "employees", "last_", "first_", "operator_phone", "scenario_", "virtual_phone", "cpn_",
    "auto_call_campaign", "properties", "voice_mail_records", "wav_call_records", "call_api_",
    "contact_id", "contact_full_name", "postprocess_duration", "is_transfer", "direction",
)  # fmt: skip
_HANDLINGS = 60


class CallMaker:
    """Makes calls: finished ones, ongoing ones, and bursts within one second."""

    def __init__(self, account: Account, purpose: str) -> None:
        """Make calls of `account` from a generator of their own."""
        self._account = account
        self._rng = seeded.generator(account.seed, "calls", purpose)
        self._values = Values(_CALLS, account.clock, self._rng)
        self._handlings = _handlings(account)

    def call(self, at: datetime, ident: int, *, ongoing: bool = False) -> Row:
        """Return the call `ident` that started at `at`."""
        rng = self._rng
        visitor = seeded.pick(rng, self._account.visitors)
        handling = seeded.pick(rng, self._handlings)
        since = int((self._account.now - at).total_seconds())
        total = min(int(rng.random() * 1200), since)
        own = self._outcome(at, total, ident)
        own.update(self._late_values(at))
        if ongoing:
            own.update(finish_time=None, finish_reason=None, call_records=[], sale_date=None)
        taken = {*visitor.values, *handling.values}
        row = self._account.row(self._values.fill(own, taken, at), at, visitor, handling)
        row.hidden_unless = "include_ongoing_calls" if ongoing else None
        if rng.random() < 0.3:
            row.extra["hold_duration"] = int(rng.random() * 60)
        return row

    def _outcome(self, at: datetime, total: int, ident: int) -> dict[str, Any]:
        """Return what is settled when the call ends."""
        rng, text = self._rng, self._account.clock.text
        wait = int(total * rng.random())
        hidden = rng.random() < 0.05
        records = None if rng.random() < NULLS else [f"{rng.getrandbits(128):032x}"]
        return {
            "id": ident,
            "start_time": text(at),
            "finish_time": text(at + timedelta(seconds=total)),
            "communication_id": ident,
            "communication_type": "call",
            "contact_phone_number": None if hidden else seeded.phone(rng),
            "wait_duration": wait,
            "total_wait_duration": wait,
            "talk_duration": total - wait,
            "clean_talk_duration": total - wait,
            "total_duration": total,
            "is_lost": wait == total,
            "call_records": records if rng.random() < 0.7 else [],
            "full_record_file_link": (
                f"https://media.example.com/{ident}/{records[0]}" if records else None
            ),
        }

    def _late_values(self, at: datetime) -> dict[str, Any]:
        """Return what is set or recomputed after the call."""
        values = self._values
        sold = self._rng.random() < 0.2
        return {
            "tags": values.some("tags", "a", at),
            "sale_date": values.make("sale_date", "t", at) if sold else None,
            "sale_cost": values.make("sale_cost", "n", at) if sold else None,
            "attributes": values.some("attributes", "a", at),
        }


def calls(account: Account) -> list[Row]:
    """Return the calls, with twins, a burst within one second and three ongoing ones."""
    rng = seeded.generator(account.seed, "call ids")
    maker = CallMaker(account, "history")
    rows, ident = [], FIRST_CALL
    for at in account.moments("calls", account.options["calls"]):
        ident += 1 + int(rng.random() * 50)
        rows.append(maker.call(at, ident))
    second = account.start + (account.now - account.start) * 0.6
    for place in range(account.options["burst"]):
        at = account.fraction(second.replace(microsecond=0) + timedelta(microseconds=place))
        rows.append(maker.call(at, 2**40 + place))
    for place in range(3):
        at = account.now - timedelta(minutes=30 + 25 * place)
        rows.append(maker.call(at, 2**53 + 1 + 2 * place, ongoing=True))
    return rows


def legs(account: Account) -> list[Row]:
    """Return one or two legs for every finished call."""
    maker = seeded.generator(account.seed, "legs")
    values = Values(_LEGS, account.clock, maker)
    rows: list[Row] = []
    for call in account.stream("calls").rows:
        if not call.hidden_unless:
            rows.extend(legs_of(account, call, values, maker))
    return rows


def legs_of(account: Account, call: Row, values: Values, rng: random.Random) -> list[Row]:
    """Return the legs of a call; the second one starts a little later."""
    count = 1 if call.own["id"] >= 2**40 or rng.random() < 0.7 else 2
    rows = []
    for place in range(count):
        at = (call.at or account.start) + timedelta(seconds=place * 5)
        own = {
            "id": call.own["id"] * 10 + place,
            "call_session_id": call.own["id"],
            "start_time": account.clock.text(at),
            "virtual_phone_number": call.get("virtual_phone_number"),
            "finish_reason": call.get("finish_reason"),
            "contact_phone_number": call.get("contact_phone_number"),
        }
        rows.append(account.row(values.fill(own, set(), at), at))
    return rows


def financial_legs(account: Account) -> list[Row]:
    """Return what each leg costs; the session's id comes as text now and then."""
    rng = seeded.generator(account.seed, "financial legs")
    values = Values(METHODS["get.financial_call_legs_report"], account.clock, rng)
    rows = []
    for leg in account.stream("call_legs").rows:
        session = leg.own["call_session_id"]
        own = {
            "leg_id": leg.own["id"],
            "start_time": leg.own["start_time"],
            "call_session_id": str(session) if rng.random() < 0.5 else session,
        }
        at = leg.at or account.start
        rows.append(account.row(values.fill(own, set(), at), at))
    return rows


def _handlings(account: Account) -> list[Block]:
    """Return blocks of who and what handled a call."""
    rng = seeded.generator(account.seed, "handlings")
    values = Values(_CALLS, account.clock, rng)
    names = [name for name in _CALLS.fields if name.startswith(_HANDLING)]
    blocks = []
    for place in range(_HANDLINGS):
        block = {name: values.some(name, _CALLS.fields[name].kind, account.start) for name in names}
        block["scenario_id"] = seeded.pick(rng, reference_ids("get.scenarios"))
        if block["employees"] and place % 3 == 0:
            for employee in block["employees"]:
                employee.pop("is_talked")
        blocks.append(Block(block))
    return blocks
