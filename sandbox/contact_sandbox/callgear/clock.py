"""The account's clock: instants to and from local naive text."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

TEXT = "%Y-%m-%d %H:%M:%S"
"""The only form of times on the wire: local, without zone, whole seconds."""


class Clock:
    """Converts between instants and the account's local time."""

    def __init__(self, zone: str) -> None:
        """Use the IANA zone `zone`."""
        self.zone = ZoneInfo(zone)

    def local(self, at: datetime) -> datetime:
        """Return the naive local time of an instant, with its fraction."""
        return at.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def text(self, at: datetime) -> str:
        """Return the local text of an instant; fractions of a second are cut off."""
        return at.astimezone(self.zone).isoformat(sep=" ", timespec="seconds")[:19]

    def instant(self, text: str) -> datetime:
        """Return the instant of a local text; of an ambiguous one the first occurrence."""
        return datetime.strptime(text, TEXT).replace(tzinfo=self.zone).astimezone(UTC)
