"""All that is fuzzed."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz.decoders import DECODERS
from tests.fuzz.running import Target
from tests.fuzz.values import VALUES
from tests.fuzz.vendors import VENDORS

__all__ = ["TARGETS"]

TARGETS: Mapping[str, Target] = {**DECODERS, **VALUES, **VENDORS}
