"""Makes plausible values for fields from their names and types."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.callgear.clock import Clock
from contact_sandbox.callgear.methods import Method
from contact_sandbox.callgear.shapes import Shape

NULLS = 0.25
"""Share of nulls among values that may be null."""

_ENUMERATIONS = {
    "finish_reason": "operator_disconnects subscriber_disconnects no_success_operator_call timeout "
    "subscriber_busy sip_offline employees_not_exists brand_new_reason",
    "direction": "in out",
    "source": "va call_tracking dynamic_call_tracking callapi sip omni_widget brand_new_source",
    "channel": "display paid social organic direct cash referral messenger",
    "visitor_type": "New Returned new returning unknown Новый",
    "visitor_device": "desktop mobile tablet other",
    "attributes": "first through primary secondary lost target off-target quality rest",
    "tag_type": "auto manual",
    "chats.status": "new active lost succeed refused",
    "initiator": "operator visitor autoinvite chat_channel chatbot",
    "release_cause": "closed_by_timeout closed_by_operator visitor_disconnected room_removed",
    "chat_channel_type": "whatsapp telegram viber facebook sms brand_new_channel",
    "channel_type": "whatsapp telegram viber facebook sms",
    "chat_messages.source": "system operator visitor autoinvite chatbot",
    "chat_messages.type": "image document audio",
    "mime_type": "image/png application/pdf",
    "offline_messages.status": "processing processed not_processed",
    "form_type": "Custom Standard DataAPI",
    "goals.type": "track_event time_on_page segment click link scroll",
    "goals.source": "yandex.metrika google.analytics comagic",
    "engine": "yandex.direct google.adwords vk.ads",
    "adv_system": "yandex.direct google.adwords",
    "direction_type": "international national local mobile",
    "employees.status": "available break do_not_disturb not_at_workplace unknown",
    "mnemonic": "available break do_not_disturb not_at_work auto_out_call",
    "call_recording": "all in out off",
    "virtual_numbers.status": "active waiting cleaning reserved manual_lock",
    "category": "usual bronze silver gold platinum",
    "virtual_numbers.type": "va call_tracking dynamic_call_tracking",
    "sip_lines.type": "in in_out",
    "billing_state": "active manual_lock limit_lock",
    "physical_state": "зарегистрирована не_зарегистрирована",
    "uploaded_calls.status": "new in_process not_processed cancelled processed error",
    "record_type": "wav mp3",
    "state": "active off disabled",
    "campaigns.type": "basic integrated system",
    "currency": "USD EUR AED",
    "operator": "= sub ~",
    "condition": "and or",
    "status": "active inactive",
    "employee_channel": "left right",
    "auto_call_campaigns.status": "active inactive not_processed",
    "allowed_phone_protocols": "SIP TSP FMC",
}
_TYPES = {name: tuple(words.split()) for name, words in _ENUMERATIONS.items()}
_COUNTRIES = ("United Arab Emirates", "Deutschland", "España", "Россия", "日本")
_CITIES = ("Dubai", "Köln", "A Coruña", "Łódź", "São Paulo", "Нижний Новгород")


def _address(rng: random.Random) -> str:
    """Return a page address, sometimes a very long one."""
    path = "/".join(seeded.pick(rng, seeded.WORDS) for _ in range(3))
    tail = "x" * 1500 if rng.random() < 0.01 else f"{rng.getrandbits(32):x}"
    return f"https://www.example.com/{path}?utm_id={tail}"


_BIG_IDS = re.compile(r"visitor_id|person_id|visitor_session_id|visitor_ids")
_TEXTS: tuple[tuple[re.Pattern[str], Callable[[random.Random], str]], ...] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r".*phone_number(s|_mask)?$|child_phone.*", seeded.phone),
        (r".*(full_name|username|visitor_name|add_user_name)$", seeded.full_name),
        (r".*(email|emails|login)$", seeded.email),
        (r".*(_url|_link|referrer|_page|hit_url|url)$", _address),
        (r".*(domain|domain_name|referrer_domain)$", lambda rng: f"{seeded.pick(rng, seeded.WORDS)}.example.com"),  # noqa: E501
        (r".*(clid|client_id|ef_id|cm_id|ext_id|external_id|_key|keyword_id|records)$", lambda rng: f"{rng.getrandbits(64):016x}"),  # noqa: E501
        (r".*country$|.*country_name$", lambda rng: seeded.pick(rng, _COUNTRIES)),
        (r".*(city|region|region_name)$", lambda rng: seeded.pick(rng, _CITIES)),
        (r".*(ip|ip_address|ip_addresses)$", lambda rng: f"203.0.113.{int(rng.random() * 256)}"),
        (r"time_(from|till)$", lambda rng: f"{int(rng.random() * 24):02d}:00"),
        (r"activity_date_(from|till)$", lambda rng: f"2026-0{1 + int(rng.random() * 9)}-01"),
        (r"color$", lambda rng: f"#{rng.getrandbits(24):06x}"),
        (r".*(text|comment|description|properties|message|query|value|hit_.*)$", seeded.text),
        (r".*", lambda rng: seeded.words(rng, 2).title()),
    )
)  # fmt: skip


class Values:
    """Makes values for the fields of one method."""

    def __init__(self, method: Method, clock: Clock, rng: random.Random) -> None:
        """Make values for `method` from the generator `rng`."""
        self.method = method
        self._clock = clock
        self._rng = rng

    def fill(self, own: dict[str, Any], taken: set[str], at: datetime) -> dict[str, Any]:
        """Add every declared field that is neither in `own` nor in `taken`."""
        for name, field in self.method.fields.items():
            if name not in own and name not in taken:
                own[name] = self.some(name, field.kind, at)
        return own

    def some(self, name: str, kind: str, at: datetime) -> Any:
        """Return a value or, now and then, null."""
        return None if self._rng.random() < NULLS else self.make(name, kind, at)

    def make(self, name: str, kind: str, at: datetime) -> Any:
        """Return a value for the field `name` of type letter `kind` in a row of the time `at`."""
        shape = self.method.shapes.get(name, Shape("[", Shape("s")))
        if kind == "a":
            return self._nested(name, shape if shape.kind == "[" else Shape("[", shape), at)
        if kind == "o":
            return self._nested(name, shape if shape.kind != "[" else Shape("{"), at)
        return self._scalar(name, kind, at)

    def _nested(self, name: str, shape: Shape, at: datetime) -> Any:
        """Return a nested value."""
        rng = self._rng
        if shape.kind == "[" and shape.item:
            count = (0, 1, 1, 2, 3)[int(rng.random() * 5)]
            return [self._nested(name, shape.item, at) for _ in range(count)]
        if shape.kind == "{":
            return {member: self._nested(member, part, at) for member, part in shape.members}
        if shape.kind == "*":
            return {word: int(rng.random() * 3600) for word in _TYPES["employees.status"][:3]}
        return self._scalar(name, shape.kind, at)

    def _scalar(self, name: str, kind: str, at: datetime) -> Any:
        """Return a value of a scalar type."""
        rng = self._rng
        if kind == "n":
            return _number(rng, name)
        if kind == "b":
            return rng.random() < 0.5
        if kind == "t":
            return self._clock.text(at + timedelta(seconds=int(rng.random() * 600)))
        if kind == "e":
            words = _TYPES.get(f"{self.method.stream}.{name}") or _TYPES.get(name)
            return seeded.pick(rng, words or ("alpha", "beta", "gamma"))
        return _text_maker(name)(rng)


@functools.cache
def _text_maker(name: str) -> Callable[[random.Random], str]:
    """Return what makes a text for the field `name`."""
    return next(make for pattern, make in _TEXTS if pattern.match(name))


def _number(rng: random.Random, name: str) -> int | float:
    """Return a number that fits the field's name."""
    fraction = rng.random()
    if _BIG_IDS.match(name):
        return 9_161_005_360 + int(fraction * 10**9)
    if "phone_number" in name and not name.endswith("_id"):
        return int(seeded.phone(rng))
    if name.endswith(("_cost", "cost", "costs", "_charge", "_per_minute", "_ratio")):
        return round(fraction * 500, 2)
    if name.endswith(("rating", "raiting")):
        return 1 + int(fraction * 5)
    if name == "id" or name.endswith("_id"):
        return 1000 + int(fraction * 900_000)
    return int(fraction * 600)
