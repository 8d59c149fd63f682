"""A short run of `python3 run.py fuzz`, and flaws that it must find."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest

from tests.fuzz.running import fuzz
from tests.fuzz.targets import TARGETS

FEW, MANY = 15, 400


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Leave the log of hundreds of runs out."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_input_becomes_a_value_or_a_sentence(name: str) -> None:
    found = fuzz(TARGETS[name], number=1, cases=FEW)
    assert not found.flaw, found.flaw
    assert found.cases == FEW


def _as_it_is(value: Any, *_: Any) -> Any:
    return value


FLAWS: dict[str, tuple[str, Callable[..., Any]]] = {
    "rows": ("tap_shared.codec.has_nul", lambda _: False),
    "late rows": ("tap_shared.codec.Codec._decoded", lambda _, raws: raws),
    "lines": ("tap_infinity.lines.rows_of", lambda lines: ([json.loads(lines)], None)),
    "bodies": ("tap_shared.page._lenient", lambda body, _: json.loads(body)),
    "instants": ("tap_shared.instants._kept", lambda _known, _key, found: f"{found}0"),
    "replies": ("tap_shared.errors.printable", _as_it_is),
    "states": ("tests.fuzz.values._read_json", lambda _, file: json.loads(file.read())),
    "settings": ("tap_shared.tap.check_schema", lambda *_: None),
    "callgear": ("tap_callgear.client.object_of", _as_it_is),
    "dixa": ("tap_dixa.envelope.rows_of", lambda answer, *_: answer["data"]),
    "infinity": ("tap_infinity.lines.told", json.loads),
    "interactions": ("tap_interactions.answers._objects", _as_it_is),
    "pbx": ("tap_pbx.refusals.error_of", lambda answer: answer.get("error")),
}
"""Target -> what is planted there, and by what."""


@pytest.mark.parametrize("name", FLAWS)
def test_a_planted_flaw_is_found(name: str) -> None:
    assert FLAWS.keys() == TARGETS.keys()
    place, flaw = FLAWS[name]
    with patch(place, flaw):
        found = fuzz(TARGETS[name], number=1, cases=MANY, shrinks=False)
    assert found.flaw
