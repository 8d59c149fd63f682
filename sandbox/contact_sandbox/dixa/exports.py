"""The exports: bare arrays over at most 31 days, every instant in milliseconds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from contact_sandbox import seeded
from contact_sandbox.dixa.conversations import Conversation, Message, Rating
from contact_sandbox.dixa.directory import Row
from contact_sandbox.dixa.periods import RefusedError
from contact_sandbox.dixa.texts import epoch_ms
from contact_sandbox.vendor import Request

LONGEST = timedelta(days=31)
_MOST_CSIDS = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = {
    "conversation_export": ("created", "closed", "updated", "last_message_created"),
    "message_export": ("created",),
}
_EXPORT_CHANNELS = {
    "EMAIL": "email", "PSTN_PHONE": "pstnphone", "WIDGET_CHAT": "widgetchat",
    "CONTACT_FORM": "contactform", "CALLBACK": "callback", "SMS": "sms",
}  # fmt: skip


def conversation(made: Conversation, place: int) -> Row:
    """Return a conversation as the export writes it; `place` settles which oddities it has."""
    queue, agent, requester = made.queue, made.agent, made.requester
    closed = made.closings[-1].at if made.closings else None
    answered = [rating for rating in made.ratings if rating.score is not None]
    last = max((message.at for message in made.messages), default=made.created)
    row: Row = {
        "id": made.csid,
        "created_at": epoch_ms(made.created),
        "initial_channel": _EXPORT_CHANNELS[made.channel],
        "requester_id": requester["id"],
        "requester_name": requester.get("displayName"),
        "requester_email": requester.get("email"),
        "requester_phone_number": requester.get("phoneNumber"),
        "requester_additional_emails": requester.get("additionalEmails", []),
        "requester_additional_phone_numbers": [],
        "queued_at": epoch_ms(made.created) if queue else None,
        "queue_id": queue["id"] if queue else None,
        "queue_name": queue["name"] if queue else None,
        "closed_at": epoch_ms(closed),
        "rating_score": answered[-1].score if answered else None,
        "rating_message": answered[-1].comment if answered else None,
        "ratings": [_rating(rating) for rating in made.ratings],
        "direction": made.direction.lower(),
        "assigned_at": epoch_ms(made.assignments[0][0]) if made.assignments else None,
        "assignee_id": agent["id"] if agent else None,
        "assignee_name": agent["displayName"] if agent else None,
        "assignee_email": agent["email"] if agent else None,
        "assignee_phone_number": agent.get("phoneNumber") if agent else None,
        "total_duration": _total(made, closed),
        "handling_duration": None if made.answered_after is None else round(made.answered_after),
        "tags": [tag["name"] for tag in made.tags],
        "tags_info": [
            {"id": tag["id"], "name": tag["name"], "is_deactivated": tag["state"] == "Inactive"}
            for tag in made.tags
        ],
        "conversation_wrapup_notes": ["called back\n" + seeded.HOSTILE_TEXTS[0]] * (place % 2),
        "status": "closed" if closed else "open",
        "updated_at": epoch_ms(made.updated),
        "last_message_created_at": epoch_ms(last),
        "subject": made.subject,
        "anonymized_at": None,
        "custom_fields": made.custom,
    }
    return row | _channel_fields(made, place)


def _total(made: Conversation, closed: datetime | None) -> int | None:
    """Return the length of a conversation in whole seconds; None while it is open."""
    return round((closed - made.created).total_seconds()) if closed else None


def _channel_fields(made: Conversation, place: int) -> Row:
    """Return members that only some conversations have, and two that nobody announced."""
    row: Row = {}
    if made.channel == "PSTN_PHONE":
        row |= {
            "to_provisioned_phone_number_id": made.contact_point,
            "to_provisioned_phone_number_name": "Line",
            "transferee_name": None,
            "transferee_number": "+14155550123",
            "transfer_time": epoch_ms(made.updated),
            "originating_country": "DK",
        }
    if made.channel == "EMAIL":
        row |= {"dixa_email_integration_id": made.contact_point, "forwarding_email": None}
    if made.channel == "WIDGET_CHAT":
        row |= {"widget_id": "w-1", "widget_name": "Web shop"}
    if place % 9 == 0:
        row |= {"sentiment": "positive", "ai": {"resolved": True, "confidence": 0.5}}
    return row


def _rating(rating: Rating) -> Row:
    """Return one rating of a conversation."""
    offered = epoch_ms(rating.offered)
    answered = rating.score is not None
    return {
        "rating_score": rating.score,
        "rating_message": rating.comment,
        "rating_type": "Csat",
        "rating_status": "Rated" if answered else "Offered",
        "rating_language": "da",
        "rating_created_timestamp": offered,
        "rating_offered_timestamp": offered,
        "rating_modified_timestamp": epoch_ms(rating.modified),
        "rating_rated_timestamp": epoch_ms(rating.rated),
        "rating_scheduled_timestamp": None,
    }


def message(made: Conversation, written: Message) -> Row:
    """Return a message as the export writes it."""
    author = made.agent if written.by_agent else made.requester
    row: Row = {
        "id": written.id,
        "csid": made.csid,
        "created_at": epoch_ms(written.at),
        "initial_channel": _EXPORT_CHANNELS[made.channel],
        "author_id": author["id"] if author else None,
        "author_name": author.get("displayName") if author else None,
        "author_email": author.get("email") if author else None,
        "direction": "outbound" if written.by_agent else "inbound",
        "text": written.text,
        "attached_files": [],
        "is_automated_message": author is None,
    }
    if made.channel == "EMAIL":
        row |= {"from": made.contact_point, "to": ["a@example.com"], "cc": [], "bcc": []}
    if made.channel == "PSTN_PHONE":
        row |= {
            "from_phone_number": made.requester.get("phoneNumber"),
            "to_phone_number": made.contact_point,
            "duration": 61,
            "recording_url": f"https://recordings.example.com/{written.id}.mp3",
        }
    return row


def select(kind: str, request: Request, rows: Iterable[Row], *, inclusive: bool) -> list[Row]:
    """Return the rows that an export's query asks for.

    Raises:
        RefusedError: 400 for a query without a complete pair, a value that is neither
            milliseconds nor a date, more than 31 days; 422 for more than 10 conversations.
    """
    csids = _csids(request)
    ranges = {
        name: bounds
        for name in _FIELDS["conversation_export"]
        if (bounds := _range(request, name)) is not None
    }
    if (csids is None) == (not ranges) and csids is None:
        raise RefusedError("Invalid query parameters")
    if not set(ranges) <= set(_FIELDS[kind]):
        raise RefusedError("Invalid query parameters")
    wanted = []
    for row in rows:
        number = row["csid"] if kind == "message_export" else row["id"]
        if csids is not None and number not in csids:
            continue
        if all(_lies(row.get(f"{name}_at"), *ranges[name], inclusive) for name in ranges):
            wanted.append(row)
    return wanted


def _lies(value: int | None, after: int, before: int, inclusive: bool) -> bool:  # noqa: FBT001
    """Tell whether an instant lies in a range, its end included or not."""
    return value is not None and (after <= value < before or (inclusive and value == before))


def _csids(request: Request) -> set[int] | None:
    """Return the conversations named in a query."""
    named = request.param("csids")
    if named is None:
        return None
    numbers = named.split(",")
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise RefusedError("Invalid query parameters")
    if len(numbers) > _MOST_CSIDS:
        raise RefusedError("Exceeded max allowed 10 csids per request", 422)
    return {int(number) for number in numbers}


def _range(request: Request, name: str) -> tuple[int, int] | None:
    """Return a range in milliseconds; None where the query has no such pair."""
    texts = [request.param(f"{name}_{side}") for side in ("after", "before")]
    after, before = (None if text is None else _milliseconds(text) for text in texts)
    if after is None and before is None:
        return None
    if after is None or before is None or before < after:
        raise RefusedError("Invalid query parameters")
    if before - after > LONGEST // timedelta(milliseconds=1):
        raise RefusedError("The requested period exceeds 31 days")
    return after, before


def _milliseconds(text: str) -> int:
    """Return the milliseconds of a number or a date."""
    if re.fullmatch(r"\d{11,14}", text, re.ASCII):
        return int(text)
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise RefusedError("Invalid query parameters") from error
    return (day - _EPOCH) // timedelta(milliseconds=1)
