"""A quarter of the requests fail, eight are under way, and everything is logged: still the same."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.bench import Bench
from tests.contract.interface import SECRETS
from tests.contract.runner import Run, announced, without_time
from tests.contract.truth import leaves, main_type
from tests.contract.watermarks import Emitted

pytestmark = pytest.mark.slow

_SETTINGS = "Validating config using jsonschema"


def test_faults_and_concurrency_change_not_a_byte(full: Run, talkative: Run) -> None:
    assert without_time(talkative.lines) == without_time(full.lines)


def forms(secret: str) -> Iterator[str]:
    """Give a secret in every form in which it may travel."""
    yield secret
    yield quote(secret, safe="")
    yield json.dumps(secret)[1:-1]
    yield base64.b64encode(secret.encode()).decode().rstrip("=")


def test_no_secret_is_ever_printed(bench: Bench, full: Run, talkative: Run) -> None:
    config = bench.config
    secrets = [str(config[name]) for name in SECRETS[bench.name] if config.get(name)]
    assert secrets
    pairs = [f"{config[name]}:{secret}" for name in ("username", "login") for secret in secrets
             if name in config]  # fmt: skip
    for run in (full, talkative):
        printed = run.stderr + b"\n".join(run.lines).decode()
        for secret in [*secrets, *pairs, *bench.case.secrets]:
            for form in forms(secret):
                assert form not in printed


def personal(value: Any, node: Mapping[str, Any]) -> Iterator[str]:
    """Give the texts of personal data in a record."""
    if value is None:
        return
    if node.get("x-pii"):
        yield from texts(value)
    elif main_type(node) == "array":
        for item in value:
            yield from personal(item, node["items"])
    elif main_type(node) == "object":
        for name, item in value.items():
            yield from personal(item, node.get("properties", {}).get(name, {"type": "string"}))


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        yield from texts(list(value.values()))
    elif value is not None:
        yield str(value)


def test_no_personal_datum_is_ever_logged(bench: Bench, full: Run, talkative: Run) -> None:
    found: set[str] = set()
    for stream, schema in announced(full).items():
        for record in full.records(stream):
            found.update(personal(record, schema))
    # An account's own numbers may be named, and a word of the schemas is no datum.
    public = json.dumps([bench.config, bench.discovered])
    data = sorted(text for text in found if len(text) > 5 and text not in public)
    assert data
    if len(data) > 1500:
        data = random.Random(5).sample(data, 1500)  # noqa: S311 - no secret
    # The SDK shows the schema of the settings, whose words are no data.
    lines = [line for line in talkative.stderr.splitlines() if _SETTINGS not in line]
    logged = "\n".join(lines)
    for text in data:
        assert text not in logged, text
        assert quote(text, safe="") not in logged, text


def test_every_tagged_field_was_looked_at(full: Run) -> None:
    tagged = [path for schema in announced(full).values() for path, node in leaves(schema)
              if node.get("x-pii")]  # fmt: skip
    assert tagged


def test_no_watermark_runs_ahead_when_requests_fail(
    bench: Bench, full: Run, talkative: Run
) -> None:
    Emitted(bench, full).follow(talkative)
