"""Decoders of types, each made by one thread while no other makes one.

msgspec keeps what it compiles of a structure with the structure, and shows it to other threads
before it is complete: one that decodes with it crashes the interpreter (seen with 0.22).
"""

from __future__ import annotations

import threading
from typing import Any

from msgspec.json import Decoder

__all__ = ["decoder"]

_making = threading.RLock()
_made: dict[Any, Decoder[Any]] = {}


def decoder(kind: Any, known: dict[Any, Decoder[Any]] = _made) -> Decoder[Any]:
    """Give the decoder of a type, for all threads.

    Args:
        kind: The type.
        known: Where it is kept: for good, unless the type is of a run.
    """
    if kind not in known:
        with _making:
            if kind not in known:
                known[kind] = Decoder(kind)
    return known[kind]
