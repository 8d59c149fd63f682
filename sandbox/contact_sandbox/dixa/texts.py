"""How Dixa writes ids and instants."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime


def new_id(rng: random.Random) -> str:
    """Return a random UUID as text."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def chance(rng: random.Random, share: float) -> bool:
    """Return True with probability `share`."""
    return rng.random() < share


def instant(moment: datetime) -> str:
    """Return an instant as analytics and most lists write it: no, 3 or 6 digits of a second."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if not moment.microsecond:
        return f"{text}Z"
    digits = f"{moment.microsecond:06d}"
    return f"{text}.{digits.removesuffix('000')}Z"


def gmt_instant(moment: datetime) -> str:
    """Return an instant as the activity log and custom attributes write it: `...Z[GMT]`."""
    return f"{instant(moment)}[GMT]"


def zoneless_instant(moment: datetime) -> str:
    """Return an instant as agent presence writes it: UTC without saying so."""
    return instant(moment).removesuffix("Z")


def epoch_ms(moment: datetime | None) -> int | None:
    """Return an instant as the exports write it: milliseconds since 1970."""
    return None if moment is None else int(moment.timestamp() * 1000)
