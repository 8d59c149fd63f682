"""Seeded faults at the wire: what goes wrong between a healthy vendor and its client."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

ALL = ("429", "500", "502", "503", "reset", "truncate", "html", "slow", "invalid-json")
"""Every kind of fault."""

IN_A_ROW = 3
"""Most faults in a row for one and the same request."""

_PHRASES = {429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway"}
_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>proxy</body></html>"


@dataclass(frozen=True)
class Fault:
    """One fault: its kind, and a fraction in [0, 1) that settles its details."""

    kind: str
    fraction: float

    @property
    def status(self) -> int | None:
        """HTTP status of a fault that answers in the vendor's place, else None."""
        return int(self.kind) if self.kind.isdigit() else None

    @property
    def before_body(self) -> bool:
        """Whether a reset comes before the first byte of the answer."""
        return self.kind == "reset" and self.fraction < 1 / 2

    def answer(self) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers of the page that stands in for the vendor's answer."""
        status = self.status or 200
        phrase = f"{status} {_PHRASES.get(status, 'Service Unavailable')}"
        if status == 200:
            phrase = "Scheduled maintenance"
        html = self.fraction < 2 / 3
        headers = {"Content-Type": "text/html" if html else "text/plain"}
        if status == 429 or (status == 503 and html):
            headers["Retry-After"] = self._retry_after()
        return status, (_PAGE.format(phrase) if html else phrase).encode(), headers

    def _retry_after(self) -> str:
        """Return 0 or 1 seconds, or an HTTP date one second ahead."""
        choice = int(self.fraction * 1000) % 4
        if choice == 3:
            soon = datetime.now(UTC) + timedelta(seconds=1)
            return format_datetime(soon, usegmt=True)
        return "1" if choice == 2 else "0"


class Faults:
    """Decides which answers go wrong, the same way for the same seed and requests.

    The decision depends on the seed, the request and how often it came, not on the order in
    which threads ask; after `IN_A_ROW` faults in a row a request is answered properly.
    """

    def __init__(self, *, rate: float = 0.0, seed: int = 1, kinds: Sequence[str] = ALL) -> None:
        """Set how often and how answers go wrong.

        Args:
            rate: Probability of a fault for each request, from 0 to 1.
            seed: Settles which requests fail, and how.
            kinds: Kinds to choose from, all with the same weight.

        Raises:
            ValueError: A kind outside `ALL`, or none.
        """
        unknown = sorted(set(kinds) - set(ALL))
        if unknown or not kinds:
            message = f"unknown kinds of fault: {', '.join(unknown) or '(none given)'}"
            raise ValueError(message)
        self.rate = rate
        self.seed = seed
        self.kinds = tuple(kinds)
        self._lock = threading.Lock()
        self._seen: dict[bytes, tuple[int, int]] = {}

    def draw(self, vendor: str, key: bytes) -> Fault | None:
        """Return the fault that the request `key` of `vendor` runs into now, or None."""
        if self.rate <= 0:
            return None
        digest = hashlib.sha256(vendor.encode() + b"\0" + key).digest()
        with self._lock:
            times, in_a_row = self._seen.get(digest, (0, 0))
            rng = random.Random(f"{self.seed}:{digest.hex()}:{times}")  # noqa: S311 - not a secret
            faulty = in_a_row < IN_A_ROW and rng.random() < self.rate
            self._seen[digest] = (times + 1, in_a_row + 1 if faulty else 0)
        return Fault(rng.choice(self.kinds), rng.random()) if faulty else None
