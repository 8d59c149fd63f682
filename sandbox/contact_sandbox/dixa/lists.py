"""The reference lists, each with its own idea of an envelope."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contact_sandbox.dixa.directory import FLOW_CHANNELS, Directory, Row
from contact_sandbox.dixa.paging import answer, place
from contact_sandbox.dixa.periods import RefusedError
from contact_sandbox.vendor import Request

Body = dict[str, Any] | list[Any]

_MOST = 50
_NOT_FOUND = "The requested resource could not be found"


class Lists:
    """Answers GET requests for the organisation's lists."""

    def __init__(self, directory: Directory, options: Mapping[str, Any]) -> None:
        """Answer from `directory`; no_organization, vanished, looping and key_at matter."""
        self._directory = directory
        self._options = options
        self._routes: dict[str, Callable[[Request], Body]] = {
            "agents": self._agents,
            "agents/presence": lambda _: directory.presence,
            "queues": lambda _: {"data": directory.queues},
            "tags": self._tags,
            "teams": lambda _: {"data": directory.teams},
            "contact-endpoints": self._endpoints,
            "custom-attributes": lambda _: {"data": directory.attributes},
            "business-hours/schedules": lambda _: {"data": {"schedules": directory.schedules}},
            "organization": self._organization,
            "endusers": self._endusers,
            "conversations/flows": self._flows,
            "webhooks": self._webhooks,
        }

    def answer(self, request: Request, parts: Sequence[str]) -> Body:
        """Return the body for the path `parts` behind the version.

        Raises:
            RefusedError: 404 for paths and parents that do not exist (400 for a team's agents),
                400 for parameters out of their range.
        """
        route = self._routes.get("/".join(parts))
        if route is not None:
            return route(request)
        lists = self._directory
        match parts:
            case ["agents", raw]:
                return {"data": _one(lists.agents, raw)}
            case ["endusers", raw]:
                return {"data": _one(lists.endusers, raw)}
            case ["agents", raw, "teams"]:
                return {"data": self._children(lists.agent_teams, raw)}
            case ["queues", raw, "members"]:
                return {"data": self._children(lists.queue_members, raw)}
            case ["teams", raw, "agents"]:
                return {"data": self._children(lists.team_members, raw, 400)}
        raise RefusedError(_NOT_FOUND, 404)

    def _children(self, parents: Mapping[str, list[Row]], raw: str, status: int = 404) -> list[Row]:
        """Return a parent's children; with the option, the first parent has just been deleted."""
        if raw not in parents or (self._options["vanished"] and raw == next(iter(parents))):
            raise RefusedError(_NOT_FOUND if status == 404 else "Invalid value in request", status)
        return parents[raw]

    def _paged(self, request: Request, rows: Sequence[Row]) -> Body:
        """Return a page of a list."""
        return answer(request, rows, place(request, _MOST), self._options)

    def _agents(self, request: Request) -> Body:
        """Return a page of agents, perhaps only those with an address or a number."""
        asked = _at_most_one(request, {"email": "email", "phone": "phoneNumber"})
        return self._paged(request, _having(self._directory.agents, asked))

    def _endusers(self, request: Request) -> Body:
        """Return a page of customers."""
        names = {"email": "email", "phone": "phoneNumber", "externalId": "externalId"}
        return self._paged(request, _having(self._directory.endusers, _at_most_one(request, names)))

    def _tags(self, request: Request) -> Body:
        """Return the tags; deactivated ones only on request."""
        asked = request.param("includeDeactivated") or "false"
        if asked not in ("true", "false"):
            raise RefusedError("Invalid value for: query parameter includeDeactivated")
        tags = self._directory.tags
        return {"data": [tag for tag in tags if asked == "true" or tag["state"] == "Active"]}

    def _endpoints(self, request: Request) -> Body:
        """Return the contact endpoints, perhaps of one type."""
        asked = request.param("_type")
        if asked not in (None, "EmailEndpoint", "TelephonyEndpoint"):
            raise RefusedError("Invalid value for: query parameter _type")
        rows = self._directory.endpoints
        return {"data": [row for row in rows if asked in (None, row["_type"])]}

    def _flows(self, request: Request) -> Body:
        """Return the flows of one channel, of phones unless said otherwise."""
        channel = request.param("channel") or "PstnPhone"
        if channel not in FLOW_CHANNELS:
            raise RefusedError("Invalid value for: query parameter channel")
        return {"data": [row for row in self._directory.flows if row["channel"] == channel]}

    def _organization(self, _: Request) -> Body:
        """Return the organisation, where the installation is new enough."""
        if self._options["no_organization"]:
            raise RefusedError(_NOT_FOUND, 404)
        return {"data": self._directory.organization}

    def _webhooks(self, _: Request) -> Body:
        """Return a webhook with its secrets, which no tap should ever ask for."""
        headers = {"Authorization": "sandbox-webhook-password"}
        row = {"id": "w", "name": "hook", "secretKey": "sandbox-webhook-secret", "headers": headers}
        return {"data": [row]}


def _one(rows: Sequence[Row], raw: str) -> Row:
    """Return the row with this id."""
    for row in rows:
        if row["id"] == raw:
            return row
    raise RefusedError(_NOT_FOUND, 404)


def _at_most_one(request: Request, names: Mapping[str, str]) -> tuple[str, str] | None:
    """Return member and value of the one filter that was given."""
    found = [(member, text) for name, member in names.items() if (text := request.param(name))]
    if len(found) > 1:
        raise RefusedError("Invalid value in request")
    return found[0] if found else None


def _having(rows: Sequence[Row], asked: tuple[str, str] | None) -> Sequence[Row]:
    """Return the rows with a member of this value."""
    return rows if asked is None else [row for row in rows if row.get(asked[0]) == asked[1]]
