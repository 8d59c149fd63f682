"""Everything that the imitation answers from, and how it changes while it is in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from contact_sandbox import seeded
from contact_sandbox.dixa import activity, exports, presence, records
from contact_sandbox.dixa.catalogue import COLLIDING, METRICS, RECORDS
from contact_sandbox.dixa.conversations import Conversation, Maker
from contact_sandbox.dixa.directory import BUSY_AGENTS, CHANNELS, USED_TAGS, Directory, Row
from contact_sandbox.dixa.records import RecordRow
from contact_sandbox.dixa.texts import gmt_instant, instant, new_id

QUIET = timedelta(minutes=10)
"""Nothing happens in the last minutes before the present: a tap may stay behind by its lag."""

RECENT = timedelta(days=6)
"""How far back a change may reach: less than the tap's default lookback."""

TOUCHED = 40
"""How many recent conversations a change touches at most."""


class Data:
    """The organisation's rows. Not safe for threads by itself."""

    def __init__(
        self, seed: int, now: datetime, start: datetime, options: Mapping[str, Any]
    ) -> None:
        """Make all rows in [start, now].

        Args:
            seed: Everything that looks random follows from it.
            now: The present.
            start: Start of history.
            options: The vendor's options; `conversations`, `agents`, `feedback`, `gmt`,
                `hidden_ids` and `collisions` matter here.
        """
        self._now = now
        self._rng = seeded.generator(seed, "dixa")
        self._latest = now - QUIET
        self.directory = Directory(self._rng, now, start, options["agents"])
        self._maker = Maker(self._rng, self.directory)
        count: int = options["conversations"]
        moments = seeded.moments(self._rng, start, self._latest, count)
        self.conversations = [self._maker.make(self._blur(at), self._latest) for at in moments]
        self._periods = list(
            presence.periods(self._rng, self.directory.agents, start, self._latest)
        )
        moments = seeded.moments(self._rng, start, self._latest, options["feedback"])
        self._feedback = presence.feedback(self._rng, moments)
        hidden = set(options["hidden_ids"])
        self.metrics = [entry for entry in METRICS if entry["id"] not in hidden]
        self.records = [entry for entry in RECORDS if entry["id"] not in hidden]
        if options["collisions"]:
            self.records.append(COLLIDING)
        self._gmt: bool = options["gmt"]
        self._cache: dict[str, list[Any]] = {}

    def _blur(self, at: datetime) -> datetime:
        """Return an instant with no, 3 or 6 digits of a second."""
        return at + timedelta(microseconds=self._rng.choice((0, 0, 293000, 1, 999999)))

    def rows(self, record: str) -> list[RecordRow]:
        """Return a record's rows in the order in which they are answered."""
        makers: dict[str, Callable[[], Any]] = {
            "ratings": lambda: records.ratings(self.conversations),
            "closed_conversations": lambda: records.closings(self.conversations),
            "first_response_time": lambda: records.first_responses(self.conversations),
            "agent_assignments": lambda: records.assignments(self.conversations),
            "agent_presence_periods": lambda: presence.presence_rows(self._periods, self._now),
            "aiAgentFeedback.v2": lambda: self._feedback,
            COLLIDING["id"]: lambda: self._feedback[:3],
        }
        if record not in self._cache:
            rows = list(makers[record]())
            self._cache[record] = sorted(rows, key=lambda row: row.order, reverse=True)
        return self._cache[record]

    def export(self, kind: str) -> list[Row]:
        """Return the rows of `conversation_export` or `message_export`."""
        if kind not in self._cache:
            if kind == "message_export":
                written = [(made, each) for made in self.conversations for each in made.messages]
                rows = [exports.message(made, each) for made, each in written]
            else:
                numbered = enumerate(self.conversations)
                rows = [exports.conversation(made, place) for place, made in numbered]
            self._cache[kind] = rows
        return self._cache[kind]

    def activity(self) -> list[tuple[datetime, Row]]:
        """Return the activity log, newest first."""
        if "activity" not in self._cache:
            write = gmt_instant if self._gmt else instant
            found = [event for made in self.conversations for event in activity.events(made, write)]
            self._cache["activity"] = sorted(found, key=lambda event: event[0], reverse=True)
        return self._cache["activity"]

    def filter_values(self, attribute: str) -> list[Row]:
        """Return the values of a filter attribute; SMS and some labels are left out."""
        lists = self.directory
        people = [(row["id"], row["displayName"]) for row in lists.agents]
        values: dict[str, list[tuple[str, str]]] = {
            "agent_id": people,
            "queue_id": [(row["id"], row["name"]) for row in lists.queues],
            "channel": [pair for pair in CHANNELS.items() if pair[0] != "SMS"],
            "initial_direction": [("INBOUND", "Inbound"), ("OUTBOUND", "")],
            "tag_id": [(row["id"], row["name"]) for row in lists.tags],
            "contact_point": [(point, point) for point in lists.contact_points()],
        }
        return [
            {"value": value, "label": label} if label else {"value": value}
            for value, label in values[attribute]
        ]

    def arrive(self, at: datetime) -> None:
        """Let a conversation come in that was begun, closed and rated at `at`."""
        made = self._maker.make(at, at, arrival=len(self.conversations))
        if not made.closings:
            self._maker.close(made, at)
        if not made.ratings:
            self._maker.survey(made, at)
        self.conversations.append(made)
        self._cache.clear()

    def change(self, seed: int) -> None:
        """Change what an incremental run must pick up.

        New conversations, late and modified ratings, conversations opened and closed again, an old
        conversation's export touched, a presence period ended, an agent renamed, a tag added and
        one deactivated (one that rows outside the lookback do not show).
        """
        rng = seeded.generator(seed, "dixa", "change")
        edge = self._latest - timedelta(hours=1)
        for at in seeded.moments(rng, edge - timedelta(days=1), edge, 6):
            self.conversations.append(
                self._maker.make(at, self._latest, arrival=len(self.conversations))
            )
        recent = [made for made in self.conversations if made.created > self._latest - RECENT]
        if len(recent) > TOUCHED:
            recent = rng.sample(recent, TOUCHED)
        for place, made in enumerate(recent):
            at = self._latest - timedelta(seconds=rng.randint(1, 3600), milliseconds=place)
            self._touch(made, at, place)
        old = self.conversations[rng.randrange(len(self.conversations) // 2)]
        old.subject, old.updated = f"edited {seed}", self._latest - timedelta(minutes=1)
        self._end_period()
        for renamed in self.directory.agents[BUSY_AGENTS:][seed % 3 : seed % 3 + 1]:
            renamed["displayName"] = f"{renamed['displayName']} ({seed})"
        self.directory.tags.append({"id": new_id(rng), "name": f"new {seed}", "state": "Active"})
        self.directory.tags[USED_TAGS]["state"] = "Inactive"
        self._cache.clear()

    def _touch(self, made: Conversation, at: datetime, place: int) -> None:
        """Rate a recent conversation late, change its rating, or close it once more."""
        if place % 3 == 0 and made.closings:
            made.updated = max(made.updated, at)
            self._maker.close(made, at)
        elif made.ratings:
            self._maker.rate(made, made.ratings[0], at)

    def _end_period(self) -> None:
        """End one of the presence periods that still go on."""
        for period in self._periods:
            if period.ended is None:
                period.ended = self._latest - timedelta(minutes=30)
                return
