"""What must not be told: secrets in every form in which they travel, and personal data."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from tests.contract.bench import Bench
from tests.contract.interface import SECRETS
from tests.contract.runner import ROOT
from tests.contract.test_unreliable import personal

__all__ = ["forms", "leaked", "private_texts", "secrets_of"]

_SHORTEST, _LONG_NUMBER = 6, 8  # shorter numbers are part of any clock's time


def forms(secret: str) -> Iterator[str]:
    """Give a secret in every form in which it may travel."""
    yield secret
    for percent in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield percent
        yield re.sub("%..", lambda found: found[0].lower(), percent)
    for text in (secret, f"{secret}:", f":{secret}", f"bearer:{secret}"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # The last letters depend on what follows.
            yield encode(text.encode()).decode().rstrip("=")[:-1]
    for escaped in (json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")


def secrets_of(bench: Bench, config: Mapping[str, Any]) -> list[str]:
    """Give all that a run with these settings must keep to itself."""
    secrets = [str(config[name]) for name in SECRETS[bench.name] if config.get(name)]
    pairs = [f"{config[name]}:{config['password']}" for name in ("username", "login")
             if name in config and "password" in config]  # fmt: skip
    return [*secrets, *pairs, *bench.case.secrets]


def leaked(written: str, secrets: Iterable[str]) -> list[str]:
    """Give the forms of secrets that a text holds."""
    return [form for secret in secrets for form in forms(secret) if form in written]


def private_texts(
    bench: Bench, records: Mapping[str, Iterable[Mapping[str, Any]]], *public: str
) -> list[str]:
    """Give the personal data of records by stream, told by the schemas' own tags.

    Names of channels and the like that the tap asks for, settings and `public` texts are none.
    """
    schemas = {each["tap_stream_id"]: each["schema"] for each in bench.discovered["streams"]}
    data = {
        text
        for stream, rows in records.items()
        for record in rows
        for text in personal(record, schemas[stream])
    }
    package = ROOT / f"tap-{bench.name}" / bench.tap.module
    words = "".join(path.read_text("utf-8") for path in package.glob("*.py"))
    known = json.dumps([bench.config, bench.discovered]) + words + "".join(public)
    least = {text: _LONG_NUMBER if text.replace(".", "").isdigit() else _SHORTEST for text in data}
    return sorted(text for text in data if len(text) >= least[text] and text not in known)
