"""Request bodies and queries: members found without regard to case, types checked strictly.

Unknown members are ignored, a value of the wrong type is refused with problem details (inferred
from the vendor's ASP.NET stack).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from contact_sandbox.interactions import instants
from contact_sandbox.interactions.ranges import Asked, Resolution
from contact_sandbox.vendor import Reply, Request

T = TypeVar("T")

_PROBLEM = {"Content-Type": "application/problem+json; charset=utf-8"}


class RefusedError(Exception):
    """A request that is answered without reaching the service."""

    def __init__(self, reply: Reply) -> None:
        """Keep the reply to give."""
        super().__init__(reply.status)
        self.reply = reply


def problem(member: str, message: str) -> RefusedError:
    """Return the refusal of a member's value: status 400 with problem details."""
    content = {
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "errors": {member: [message]},
    }
    return RefusedError(Reply(400, content, dict(_PROBLEM)))


class Members:
    """The members of a JSON body or of a query string."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Keep `values` under names without case; of two that differ in case the last counts."""
        self._values = {name.lower(): value for name, value in values.items()}

    @classmethod
    def of_body(cls, request: Request, *, required: bool = True) -> Members:
        """Read a request's JSON body.

        Raises:
            RefusedError: It is missing, not declared as JSON, or no JSON object.
        """
        if not request.body and not required:
            return cls({})
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in ("application/json", "text/json"):
            raise RefusedError(Reply(415, {"title": "Unsupported Media Type", "status": 415}))
        try:
            values = json.loads(request.body)
        except ValueError as error:
            raise problem("$", "The input does not contain valid JSON.") from error
        if not isinstance(values, dict):
            raise problem("$", "The JSON value could not be converted to the request.")
        return cls(values)

    @classmethod
    def of_query(cls, request: Request) -> Members:
        """Read a request's query string; the last of repeated parameters counts."""
        return cls({name: values[-1] for name, values in request.query.items()})

    def get(self, name: str, kind: type[T]) -> T | None:
        """Return a member's value, or None where it is null or absent.

        Raises:
            RefusedError: The value is of another type.
        """
        value = self._values.get(name.lower())
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise problem(f"$.{name}", f"The JSON value could not be converted to {name}.")
        return value

    def array(self, name: str, kind: type[T]) -> list[T]:
        """Return a member's array, empty where it is null or absent.

        Raises:
            RefusedError: The value is no array, or holds a value of another type.
        """
        values: list[Any] = self.get(name, list) or []
        if any(not isinstance(value, kind) or isinstance(value, bool) for value in values):
            raise problem(f"$.{name}", f"The JSON value could not be converted to {name}.")
        return values

    def instant(self, name: str) -> datetime | None:
        """Return a member as an instant.

        Raises:
            RefusedError: The value is no time.
        """
        text = self.get(name, str)
        if text is None:
            return None
        try:
            return instants.parse(text)
        except ValueError as error:
            raise problem(f"$.{name}", "The JSON value is not a DateTimeOffset.") from error

    def number(self, name: str, lowest: int) -> int | None:
        """Return a query parameter as a whole number.

        Raises:
            RefusedError: The value is none, or is below `lowest`.
        """
        text = self.get(name, str)
        if text is None:
            return None
        if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
            raise problem(name, f"The value '{text}' is not valid.")
        if int(text) < lowest:
            raise problem(name, f"The field {name} must be at least {lowest}.")
        return int(text)

    def resolution(self) -> Resolution | None:
        """Return the member `Resolution`, which is a name or a number.

        Raises:
            RefusedError: There is no such resolution.
        """
        value = self._values.get("resolution")
        if value is None:
            return None
        try:
            return Resolution[value.upper()] if isinstance(value, str) else Resolution(value)
        except (KeyError, ValueError) as error:
            raise problem("$.Resolution", "The JSON value is not a TimeResolution.") from error

    def asked(self) -> Asked:
        """Return what the members say about the time range."""
        return Asked(
            start=self.instant("StartDateTime"),
            end=self.instant("EndDateTime"),
            relative_start=self.get("RelativePeriodStart", int),
            relative_end=self.get("RelativePeriodEnd", int),
            zone=self.get("RelativeTimezone", str),
            resolution=self.resolution(),
        )
