"""What a vendor's imitation is made of: requests, replies and the base class."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs

_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


class Headers(Mapping[str, str]):
    """HTTP header fields, found by name without regard to case."""

    def __init__(self, fields: Mapping[str, str] | None = None) -> None:
        """Keep `fields` under their lower-cased names."""
        self._fields = {name.lower(): value for name, value in (fields or {}).items()}

    def __getitem__(self, name: str) -> str:
        """Return the value of the field `name`."""
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the lower-cased names."""
        return iter(self._fields)

    def __len__(self) -> int:
        """Return the number of fields."""
        return len(self._fields)


@dataclass(frozen=True)
class Request:
    """One HTTP request as the vendor sees it.

    Attributes:
        method: The verb in upper case.
        path: The path with percent escapes decoded, without the query.
        query: Every query parameter with its values in order; blank values are kept.
        headers: Header fields; names match without regard to case.
        body: The body's bytes, chunked transfer already undone.
        target: The request target exactly as it was sent (escapes and query included).
    """

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=Headers)
    body: bytes = b""
    target: str = ""

    def json(self) -> Any:
        """Return the parsed JSON body; ValueError if it is none."""
        return json.loads(self.body)

    def form(self) -> dict[str, list[str]]:
        """Return the fields of an application/x-www-form-urlencoded body."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    def param(self, name: str) -> str | None:
        """Return the last value of the query parameter `name`, or None."""
        values = self.query.get(name)
        return values[-1] if values else None


@dataclass
class Reply:
    """One HTTP reply.

    Attributes:
        status: The HTTP status.
        body: Bytes as they are; text as UTF-8; a dict or list as JSON; any other iterable of bytes
            is streamed with chunked transfer coding.
        headers: Header fields; Content-Type has a default that fits the body.
    """

    status: int = 200
    body: bytes | str | dict[Any, Any] | list[Any] | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> tuple[bytes | Iterable[bytes], str]:
        """Return the body as bytes (or an iterable of bytes) and its default media type."""
        body = self.body
        if isinstance(body, bytes | bytearray | memoryview):
            return bytes(body), "application/octet-stream"
        if isinstance(body, str):
            return body.encode("utf-8", "backslashreplace"), "text/plain; charset=utf-8"
        if isinstance(body, dict | list):
            return encode_json(body), "application/json"
        return body, "application/octet-stream"


def encode_json(value: Any) -> bytes:
    r"""Return compact JSON in UTF-8; a lone surrogate is written as its `\udXXX` escape."""
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


class Vendor(ABC):
    """The imitation of one vendor's API, together with the truth about its data.

    Class attributes:
        name: Name of the vendor's package and tap, for example `callgear`.
        streams: Every stream name of the tap's public interface.
        defaults: Names and defaults of the vendor's own options; where it is declared, other
            options are refused.
    """

    name: ClassVar[str]
    streams: tuple[str, ...]
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(
        self, *, seed: int = 1, now: datetime | None = None, days: int = 90, **options: Any
    ) -> None:
        """Set the seed, the present and the depth of history.

        Args:
            seed: Everything that looks random follows from it.
            now: The present: aware, UTC, truncated to the second; default the current time.
            days: Rows lie in [now - days, now].
            options: The vendor's own options, kept with the defaults in `self.options`.

        Raises:
            TypeError: An option that the vendor does not declare in `defaults`.
            ValueError: `now` without a zone.
        """
        unknown = sorted(set(options) - set(self.defaults))
        if self.defaults and unknown:
            message = f"{type(self).__name__} has no option {', '.join(unknown)}"
            raise TypeError(message)
        if now is not None and now.tzinfo is None:
            message = "now needs a time zone"
            raise ValueError(message)
        self.seed = seed
        self.now = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
        self.days = days
        self.start = self.now - timedelta(days=days)
        self.options: dict[str, Any] = {**self.defaults, **options}
        self.lock = threading.RLock()

    @abstractmethod
    def handle(self, request: Request) -> Reply:
        """Answer a request; called from several threads at once."""

    @abstractmethod
    def settings(self, url: str) -> dict[str, Any]:
        """Return a complete tap configuration for the vendor served at `url`."""

    @abstractmethod
    def expected(self, stream: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return what a full sync of `stream` must hold now.

        The primary key, as the tap emits it, leads to the vendor's row as it is on the wire.
        """

    @abstractmethod
    def change(self, seed: int) -> None:
        """Change live data the way an incremental run must pick up."""

    def advance(self, by: timedelta) -> None:
        """Let time pass: the present moves on, also for the parts that keep it.

        No row comes or changes by that alone; `change` then works at the new present.

        Args:
            by: How much time.
        """
        with self.lock:
            for part in (self, *self.clocked()):
                for name in ("now", "_now", "_latest"):
                    if name in vars(part):
                        setattr(part, name, getattr(part, name) + by)

    def clocked(self) -> Iterable[object]:
        """Return the vendor's parts that keep the present themselves."""
        return ()

    def fault_key(self, request: Request) -> bytes:
        """Return what makes two requests the same one tried again, for counting faults."""
        return b"\n".join((request.method.encode(), request.target.encode(), request.body))
