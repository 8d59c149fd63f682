"""Pages: bodies decoded into types, whatever text is in them."""

from __future__ import annotations

import msgspec
import pytest
from tap_shared.errors import PleaseRetry
from tap_shared.page import decode


class Envelope(msgspec.Struct):
    """An envelope that keeps its rows as text."""

    rows: msgspec.Raw


@pytest.mark.parametrize("text", [rb'"\ud83d"', rb'"a\u0000b"', b"NaN"])
def test_what_only_the_lenient_reading_takes_can_stay_text(text: bytes) -> None:
    """A member kept as text survives a body that has to be read leniently."""
    answer = decode(b'{"rows": [' + text + b"]}", Envelope)
    (value,) = msgspec.json.decode(answer.rows)
    assert value in {"\ufffd", "a\ufffdb", "NaN"}


def test_html_is_no_answer() -> None:
    """A gateway's page is tried again."""
    with pytest.raises(PleaseRetry, match="an HTML page"):
        decode(b"<html></html>", Envelope)
