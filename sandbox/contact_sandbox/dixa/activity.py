"""The activity log: what happened to conversations, in about ten shapes."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from contact_sandbox.dixa.conversations import Conversation
from contact_sandbox.dixa.directory import Row


def events(made: Conversation, write: Callable[[datetime], str]) -> Iterator[tuple[datetime, Row]]:
    """Yield the events of a conversation with their instants, on the wire as `write` puts them."""
    seen: Counter[tuple[str, datetime]] = Counter()
    for at, kind, author, attributes in _happenings(made):
        seen[kind, at] += 1
        name = f"{made.csid}:{kind}:{at}:{seen[kind, at]}"
        row: Row = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
            "conversationId": made.csid,
            "activityTimestamp": write(at),
            "activityType": f"{kind}ActivityType",
            "_type": kind,
        }
        if author:
            row["author"] = author
        if attributes is not None:
            row["attributes"] = attributes
        yield at, row


def _happenings(made: Conversation) -> Iterator[tuple[datetime, str, Row | None, Row | None]]:
    """Yield instant, kind, author and details of each event."""
    customer, agent = _user(made.requester), _user(made.agent)
    begun = {"subject": made.subject} if made.subject else {}
    yield made.created, "ConversationCreatedByCustomer", customer, begun
    for at, to in made.assignments:
        details = {"agentId": to["id"], "agentName": to["displayName"]}
        yield at, "ConversationAssigned", agent, details
    for message in made.messages:
        kind = "MessageAddedByAgent" if message.by_agent else "MessageAddedByCustomer"
        yield message.at, kind, agent if message.by_agent else customer, {"messageId": message.id}
    for tag in made.tags:
        yield made.created, "TagAdded", agent, {"tag": tag["name"]}
    for closing in made.closings[:-1]:
        yield closing.at + timedelta(milliseconds=1), "ConversationReopened", customer, None
    for closing in made.closings:
        yield closing.at, "ConversationClosed", _user(closing.agent), None
    for rating in made.ratings:
        if rating.rated:
            details = {"score": rating.score, "message": rating.comment, "agent": agent or {}}
            yield rating.rated, "ConversationRated", customer, details
    yield from _rare(made, agent)


def _rare(
    made: Conversation, agent: Row | None
) -> Iterator[tuple[datetime, str, Row | None, Row | None]]:
    """Yield kinds that few conversations see, one of them unknown to everybody."""
    values = {attribute["attribute_id"]: attribute["value"] for attribute in made.custom}
    kinds: tuple[tuple[str, Row], ...] = (
        ("NoteAdded", {"message": "call back 📞", "avatarUrl": ""}),
        ("ConversationOffered", {"agentNames": ["Ada", ""], "queueLabel": ""}),
        (
            "ConversationCustomAttributesUpdated",
            {"updatedAttributeIds": list(values), "updatedAttributeValues": values},
        ),
        ("SomethingNew", {"_type": "SomethingNewAttribute", "deep": [{"er": None}]}),
    )
    place = made.csid % 10
    if place < len(kinds):
        yield made.created, kinds[place][0], agent, kinds[place][1]


def _user(person: Row | None) -> Row | None:
    """Return a person as the log writes them."""
    if person is None:
        return None
    row = {"id": person["id"], "name": person.get("displayName", "")}
    return row | {name: person[name] for name in ("email", "phoneNumber") if name in person}
