"""What is refused, with which exit code and sentence, before any request."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.contract.bench import Bench
from tests.contract.conftest import OpenBench
from tests.contract.interface import SECRETS
from tests.contract.runner import Run

DEAD = "http://127.0.0.1:9"

# setting | value that is refused
WRONG: tuple[tuple[str, Any], ...] = (
    ("start_date", None),
    ("start_date", "yesterday"),
    ("start_date", "2024-13-01"),
    ("start_date", 20240101),
    ("end_date", "tomorrow"),
    ("end_date", 7),
    ("end_date", "2001-01-01"),
    ("lookback", "a week"),
    ("lookback", 7),
    ("window", "0d"),
    ("window", "1 fortnight"),
    ("window", 1),
    ("page_size", 0),
    ("page_size", "many"),
    ("page_size", True),
    ("max_concurrency", 0),
    ("max_concurrency", "two"),
    ("requests_per_minute", -1),
    ("requests_per_minute", "fast"),
    ("max_attempts", 0),
    ("max_attempts", 1.5),
    ("request_timeout", 0),
    ("request_timeout", "1m"),
    ("skip_unavailable", "maybe"),
    ("skip_unavailable", 3),
    ("api_url", "http://api.example.com"),
    ("api_url", "ftp://127.0.0.1"),
    ("api_url", "nonsense"),
    ("api_url", "https://user:word@api.example.com"),
    ("api_url", "https://api.example.com/?token=x"),
    ("api_url", 5),
    ("user_agent", "two\nlines"),
    ("user_agent", 5),
    ("pii", "encrypt"),
    ("pii", 1),
    ("pii_salt", 5),
    ("undeclared_fields", "maybe"),
    ("undeclared_fields", False),
)

FILES = ("{", '"text"', "[1, 2]")
"""Contents of a file that is no configuration."""

STATES = (
    "{",
    "[]",
    '"text"',
    '{"bookmarks": []}',
    '{"bookmarks": {"%s": 5}}',
    '{"bookmarks": {"%s": {"replication_key_value": "not a time"}}}',
    '{"bookmarks": {"%s": {"partitions": {}}}}',
)


SDKS_OWN = "An unhandled error occurred while syncing"
"""The SDK's own log lines may stand around a tap's sentence."""


def sentence(run: Run) -> str:
    """Give the one line that says what is wrong."""
    assert "Traceback" not in run.stderr, run.stderr
    lines = [line for line in run.said("ERROR") if SDKS_OWN not in line]
    assert len(lines) == 1, run.stderr
    return lines[0]


@pytest.fixture(scope="module")
def refusals(bench: Bench) -> list[tuple[str, Any, Run]]:
    """Runs with one wrong setting each."""
    bench.server.log.clear()
    commands = []
    for name, value in WRONG:
        config = {**bench.config, name: value}
        if value is None:
            del config[name]
        commands.append(bench.tap.arguments(config))
    commands.append(bench.tap.arguments({**bench.config, "pii": "hash"}))
    runs = bench.tap.many(commands)
    cases = [*WRONG, ("pii_salt", None)]
    return [(name, value, run) for (name, value), run in zip(cases, runs, strict=True)]


def test_a_wrong_setting_is_refused_in_one_sentence_that_names_it(
    bench: Bench, refusals: list[tuple[str, Any, Run]]
) -> None:
    for name, value, run in refusals:
        assert run.code == 2, (name, value, run.code, run.stderr)
        said = sentence(run)
        assert f"'{name}'" in said, (name, value, said)
        assert not run.lines, (name, value)
    assert not bench.server.log.entries


def test_a_refused_secret_is_not_shown(bench: Bench) -> None:
    commands = [
        bench.tap.arguments({**bench.config, name: ["sandbox-unshown", 1]})
        for name in sorted(SECRETS[bench.name])
    ]
    for run in bench.tap.many(commands):
        assert run.code == 2, run.stderr
        assert "sandbox-unshown" not in run.stderr


def test_missing_credentials_are_refused(bench: Bench) -> None:
    bench.server.log.clear()
    needed = sorted(name for name in SECRETS[bench.name] if name in bench.config)
    without = {k: v for k, v in bench.config.items() if k not in needed}
    blank = {**bench.config, **dict.fromkeys(needed, "")}
    for run in bench.tap.many([bench.tap.arguments(config) for config in (without, blank)]):
        assert run.code == 2, run.stderr
        assert any(f"'{name}'" in sentence(run) for name in needed)
        assert not run.lines
    assert not bench.server.log.entries


def test_files_that_are_none_are_refused(bench: Bench) -> None:
    stream = bench.incremental[0]  # may ask the vendor
    bench.server.log.clear()
    commands = [bench.tap.arguments(text) for text in FILES]  # type: ignore[arg-type]
    commands += [
        bench.tap.arguments(bench.config, state=text.replace("%s", stream)) for text in STATES
    ]
    commands.append(bench.tap.arguments(bench.config, catalog="{"))
    commands.append(["--config", "no-such-file.json"])
    runs = bench.tap.many(commands)
    for command, run in zip(commands, runs, strict=True):
        assert run.code == 2, (command, run.code, run.stderr)
        assert "Traceback" not in run.stderr, run.stderr
        assert not run.lines, command
    for run in [*runs[: len(FILES)], runs[-1]]:
        assert "'config'" in sentence(run)
    for run in runs[len(FILES) : len(FILES) + len(STATES)]:
        assert "'state'" in sentence(run)
    assert not bench.server.log.entries


def test_wrong_credentials_end_the_run_before_any_data(bench: Bench) -> None:
    run = bench.run({**bench.config, **bench.case.wrong})
    assert run.code == 2, run.stderr
    assert sentence(run)
    assert not [m for m in run.messages if m["type"] == "RECORD"]
    for value in bench.case.wrong.values():
        assert str(value) not in run.stderr


def test_an_address_where_nobody_listens_is_one_plain_failure(bench: Bench) -> None:
    config = {**bench.config, "api_url": DEAD, "max_attempts": 2}
    run = bench.run(config, catalog=bench.catalog(bench.streams[-1]))
    assert run.code == 1, run.stderr
    assert "Traceback" not in run.stderr
    assert any("127.0.0.1" in line and "connect" in line for line in run.said("ERROR"))


def test_a_stream_that_the_vendor_refuses_fails_alone(bench: Bench, another: OpenBench) -> None:
    options, named = bench.case.refusal
    if not named:
        pytest.fail("the case says nothing about refusals")
    closed = another(**options)
    run = closed.run(catalog=bench.catalog())
    assert run.code == 1, run.stderr
    told = [line for line in run.said("ERROR") if named in line]
    assert told
    assert all("skip_unavailable" in line and "eselect" in line for line in told)
    assert "Traceback" not in run.stderr
    found = closed.by_identity(run)
    for stream in set(closed.streams) - bench.case.refused:
        part = bench.case.refused_key
        truth = [key for key in closed.wire_signs(stream) if part is None or part not in key]
        signs = [closed.sign(stream, record) for record in run.records(stream)]
        assert Counter(truth) == Counter(signs), stream
    assert run.state

    left_out = closed.run({**closed.config, "skip_unavailable": True}, catalog=bench.catalog())
    assert left_out.code == 0, left_out.stderr
    assert any(named in line for line in left_out.said("WARNING"))
    assert not left_out.said("ERROR")
    assert closed.by_identity(left_out) == found


def test_a_credential_that_dies_ends_the_run_with_its_state(
    bench: Bench, another: OpenBench
) -> None:
    if bench.case.dying is None:
        assert bench.name in {"infinity", "pbx", "dixa"}, "its imitation can let credentials die"
        return
    mortal = another(**bench.case.dying)
    run = mortal.run(catalog=bench.catalog())
    assert run.code == 1, run.stderr
    assert [m for m in run.messages if m["type"] == "RECORD"]
    assert run.messages[-1]["type"] == "STATE"
    assert "Traceback" not in run.stderr
    assert run.said("ERROR")


def test_the_environment_gives_settings_too(bench: Bench) -> None:
    prefix = f"TAP_{bench.name.upper()}_"
    environment = {
        prefix + name.upper(): value if isinstance(value, str) else json.dumps(value)
        for name, value in bench.config.items()
    }
    run = bench.tap.run(
        None, "--config=ENV", catalog=bench.catalog(bench.streams[-1]), environment=environment
    )
    assert run.code == 0, run.stderr
    assert run.records(bench.streams[-1])
