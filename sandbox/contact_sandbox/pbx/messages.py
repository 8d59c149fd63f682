"""Text messages: conversations of the container's numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox.seeded import generator, moments, phone, text

ZERO_DATE = "0000-00-00 00:00:00"


@dataclass
class Conversation:
    """One conversation: its message rows by identifier, as the vendor sends them.

    The partner may be another number of the container, which then has the conversation too.
    """

    id: str
    number: str
    partner: str
    unread: int
    is_inside: bool = False
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The conversation as the vendor lists it, by the number that it is listed for."""
        sides = {
            self.number: self.partner,
            **({self.partner: self.number} if self.is_inside else {}),
        }
        return {number: self._row(other) for number, other in sides.items()}

    def _row(self, other: str) -> dict[str, Any]:
        """Return the row that names the other side; one without messages has a zero date."""
        last = max((row["messageDate"] for row in self.messages.values()), default=ZERO_DATE)
        return {
            "conversationWith": other,
            "hasUnreadMessages": self.unread if int(self.id) % 2 else str(self.unread),
            "lastMessageDate": last,
        }


def conversations(
    seed: int, numbers: tuple[str, ...], start: datetime, end: datetime
) -> list[Conversation]:
    """Return the seeded conversations of `numbers`; the last number has none of its own."""
    rng = generator(seed, "pbx", "messages")
    found = []
    for number in numbers[:-1] or numbers:
        for place in range(8):
            talk = Conversation(str(rng.randrange(10**6, 10**8)), number, phone(rng), place % 2)
            for at in moments(rng, start, end, place * 3, twins=0.2):
                add_message(talk, str(rng.randrange(10**9, 10**12)), at, text(rng, 0.3))
            found.append(talk)
    if len(numbers) > 2:  # two that write to each other, one that nobody writes to
        found[1].partner, found[1].is_inside = numbers[1], True
        for row in found[1].messages.values():
            if row["messageFrom"] != found[1].number:
                row["messageFrom"] = numbers[1]
    return found


def add_message(talk: Conversation, name: str, at: datetime, content: str) -> None:
    """Add a message to `talk`, in turns from either side."""
    place = len(talk.messages)
    row = {
        "messageDate": f"{at:%Y-%m-%d %H:%M:%S}",
        "messageFrom": talk.partner if place % 2 else talk.number,
        "messageText": f"{content} [MMS: image/jpeg]" if not (place + 1) % 5 else content,
    }
    if not (place + 1) % 3:
        row["messageStatus"] = "delivered"
    talk.messages[name] = row


def later(talk: Conversation, seed: int, now: datetime) -> None:
    """Add a message that has come in just before `now`."""
    rng = generator(seed, "pbx", "message", talk.id)
    at = now - timedelta(seconds=rng.randrange(60, 300))
    add_message(talk, str(rng.randrange(10**12, 10**13)), at, "Is anybody there?")
    talk.unread = 1
