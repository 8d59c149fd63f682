from __future__ import annotations

import base64
import io
import json
import logging
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from singer_sdk import metrics
from singer_sdk.logging import StructuredFormatter

from tap_shared.redact import Redactor, install

secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=30).filter(
    lambda text: "*" not in text and len(text.strip()) > 4
)


def forms(secret: str, user: str = "") -> dict[str, str]:
    """Give the forms in which a secret may travel."""
    raw = secret.encode()
    percent = quote(secret, safe="")
    pair = f"{user}:{secret}".encode()
    found = {
        "raw": secret,
        "stripped": secret.strip(),
        "percent": percent,
        "percent, lower case": re.sub("%..", lambda found: found[0].lower(), percent),
        "path": quote(secret),
        "form": quote_plus(secret),
        "json": json.dumps(secret)[1:-1],
        "json, unescaped": json.dumps(secret, ensure_ascii=False)[1:-1],
        "json of PHP": json.dumps(secret)[1:-1].replace("/", "\\/"),
        "repr": repr(secret)[1:-1],
        "base64": base64.b64encode(raw).decode(),
        "base64, no padding": base64.b64encode(raw).decode().rstrip("="),
        "base64 of URLs": base64.urlsafe_b64encode(raw).decode(),
        "base64 of URLs, no padding": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "pair": base64.b64encode(pair).decode(),
    }
    return found if user else {name: form for name, form in found.items() if name != "pair"}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Collect what a logger of the test's own prints, and put the factory back."""
    factory = logging.getLogRecordFactory()
    logger = logging.getLogger("redacted")
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield out
    logger.removeHandler(handler)
    logging.setLogRecordFactory(factory)


def redactor(*known: str) -> Redactor:
    found = Redactor()
    found.add(*known)
    return found


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(secrets, secrets, st.text(max_size=5), st.text(max_size=5))
@example("user@example.com", "pä ss/w+ö?r&d=%\"'\\", "", "")
@example("user12", " padded-secret\n", "x", "y")
def test_no_form_of_a_secret_survives(user: str, secret: str, before: str, after: str) -> None:
    redact = redactor(user, secret)
    for form in forms(secret, user).values():
        clean = redact(f"{before}{form}{after}")
        assert form not in clean
        assert "***" in clean
    assert redact("nothing to hide") == "nothing to hide" or user in "nothing to hide"


@given(st.lists(secrets, min_size=2, max_size=5))
def test_secrets_added_later_do_not_uncover_earlier_ones(known: list[str]) -> None:
    redact = Redactor()
    for secret in known:
        redact.add(secret)
    text = redact(" | ".join(known))
    assert not any(secret in text for secret in known)


@pytest.mark.parametrize("value", [None, "", "abc"])
def test_what_is_no_secret_or_too_short_blanks_nothing(value: str | None) -> None:
    redact = Redactor()
    redact.add(value)
    assert redact("abc and more") == "abc and more"


def test_messages_arguments_and_exceptions_are_clean(stream: io.StringIO) -> None:
    install(redactor("sandbox-secret-token"))
    logger = logging.getLogger("redacted")
    logger.info("token sandbox-secret-token")
    logger.warning("url %s", {"url": "https://x/?token=sandbox-secret-token"})
    logger.error("%s", ValueError("sandbox-secret-token is wrong"))
    logger.info("%(token)s", {"token": "sandbox-secret-token"})
    assert "sandbox-secret-token" not in stream.getvalue()
    assert stream.getvalue().count("***") == 4


def test_lines_stay_and_no_other_control_character(stream: io.StringIO) -> None:
    install(redactor("sandbox-secret-token"))
    logging.getLogger("redacted").info("a table\n%s", "of \x1b[2J\r\u2028two \x00 lines")
    assert stream.getvalue() == "a table\nof \\x1b[2J\\r\\u2028two \\x00 lines\n"


def boom() -> None:
    password = "sandbox-secret-token"
    raise LookupError(f"refused {password}")


def log_with_traceback() -> None:
    try:
        boom()
    except LookupError:
        logging.getLogger("redacted").exception("It failed.")


def test_there_is_no_traceback_above_debug(stream: io.StringIO) -> None:
    install(redactor("sandbox-secret-token"))
    log_with_traceback()
    assert stream.getvalue() == "It failed.\n"


def test_a_traceback_at_debug_is_clean(stream: io.StringIO) -> None:
    install(redactor("sandbox-secret-token"))
    logging.getLogger("redacted").setLevel(logging.DEBUG)
    log_with_traceback()
    assert "Traceback" in stream.getvalue()
    assert "LookupError: refused ***" in stream.getvalue()
    assert "sandbox-secret-token" not in stream.getvalue()


def test_the_sdks_structured_records_keep_their_metrics(stream: io.StringIO) -> None:
    install(redactor("sandbox-secret-token"))
    logging.getLogger("redacted").handlers[0].setFormatter(StructuredFormatter())
    point = metrics.Point("counter", metrics.Metric.RECORD_COUNT, 5, {"stream": "calls"})
    metrics.log(logging.getLogger("redacted"), point)
    line = json.loads(stream.getvalue())
    assert line["metric_info"]["value"] == 5
    assert line["metric_info"]["tags"] == {"stream": "calls"}


def test_a_message_that_cannot_be_formatted_harms_nobody(stream: io.StringIO) -> None:
    install(redactor("sandbox-secret-token"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging, "raiseExceptions", False)
        logging.getLogger("redacted").info("%d pages", "sandbox-secret-token")
    logging.getLogger("redacted").info("after")
    assert stream.getvalue().endswith("after\n")
    assert "sandbox-secret-token" not in stream.getvalue()


def test_a_second_tap_replaces_the_first_ones_redactor(stream: io.StringIO) -> None:
    install(redactor("first-secret"))
    install(redactor("second-secret"))
    logging.getLogger("redacted").info("second-secret")
    assert stream.getvalue() == "***\n"
    factory = logging.getLogRecordFactory()
    assert factory.without_redaction is logging.LogRecord  # type: ignore[attr-defined]
