"""Failures of the vendor itself that pass when the same request is tried again."""

from __future__ import annotations

from contact_sandbox.pbx import php
from contact_sandbox.seeded import generator
from contact_sandbox.vendor import Reply

DATABASE = "Error connecting to the database. Try again later."
DATABASE_OTHER = "Error connecting to the database, please try again later."
KINDS = ("database", "database-500", "warning", "empty", "no-envelope", "html")
SPARING = ("database", "database-500")
"""Kinds that can be told from a permanent answer whatever was asked for."""

_IN_A_ROW = 2
_PAGE = "<html><head><title>PBX</title></head><body>Please wait</body></html>"


class Transients:
    """Decides which answers fail; at most two in a row for one request. Not thread-safe."""

    def __init__(self, rate: float, seed: int, kinds: tuple[str, ...]) -> None:
        """Set the probability, the seed and the kinds, members of `KINDS`."""
        self._rate = rate
        self._seed = seed
        self._kinds = kinds
        self._seen: dict[bytes, tuple[int, int]] = {}

    def draw(self, key: bytes, *, sparing: bool) -> str | None:
        """Return how the request `key` fails now, or None; `sparing`: only kinds in `SPARING`."""
        kinds = [kind for kind in self._kinds if not sparing or kind in SPARING]
        times, in_a_row = self._seen.get(key, (0, 0))
        rng = generator(self._seed, "pbx", "transient", key, times)
        fails = bool(kinds) and in_a_row < _IN_A_ROW and rng.random() < self._rate
        self._seen[key] = (times + 1, in_a_row + 1 if fails else 0)
        return rng.choice(kinds) if fails else None


def spoil(kind: str, reply: Reply, content_type: str) -> Reply:
    """Return what the client gets instead of `reply`."""
    label = {"Content-Type": content_type}
    if kind == "database":
        return php.error(DATABASE, content_type)
    if kind == "database-500":
        return php.error(DATABASE_OTHER, content_type, 500)
    if kind == "warning" and isinstance(reply.body, bytes):
        return Reply(200, php.WARNING.encode() + reply.body, label)
    if kind == "no-envelope":
        return php.reply({"status": "ok"}, content_type)
    return Reply(200, _PAGE if kind == "html" else b"", label)
