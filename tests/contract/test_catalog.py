"""What discovery offers, against the contract: streams, keys, types, descriptions, tags."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.contract.bench import Bench
from tests.contract.interface import DEFAULTS, INTERFACE, SECRETS, SETTINGS
from tests.contract.runner import ROOT
from tests.contract.truth import leaves, main_type

DEAD = "http://127.0.0.1:9"
"""A port of this machine where nobody listens."""

OFFLINE = {"HTTPS_PROXY": DEAD, "HTTP_PROXY": DEAD, "https_proxy": DEAD, "http_proxy": DEAD}
TYPES = {"string", "integer", "number", "boolean", "array", "object"}


def schemas(catalog: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(entry["tap_stream_id"], entry["schema"]) for entry in catalog["streams"]]


def metadata(entry: dict[str, Any], *breadcrumb: str) -> dict[str, Any]:
    return next(m["metadata"] for m in entry["metadata"] if m["breadcrumb"] == list(breadcrumb))


@pytest.fixture(scope="module")
def offline(bench: Bench) -> dict[str, Any]:
    """Discovery without configuration and without a network."""
    run = bench.tap.run(None, "--discover", environment=OFFLINE)
    assert run.code == 0, run.stderr
    catalog: dict[str, Any] = json.loads(b"\n".join(run.lines))
    return catalog


def test_discovery_needs_neither_settings_nor_network(
    bench: Bench, offline: dict[str, Any]
) -> None:
    pointed = bench.tap.run({"api_url": DEAD}, "--discover", environment=OFFLINE)
    assert pointed.code == 0, pointed.stderr
    assert json.loads(b"\n".join(pointed.lines)) == offline


def test_a_process_that_is_no_fork_says_the_same(bench: Bench, offline: dict[str, Any]) -> None:
    environment = {**bench.tap.environment(), **OFFLINE}
    found = [
        subprocess.run(
            [sys.executable, "-m", bench.tap.module, option],
            check=True, capture_output=True, cwd=bench.tap.folder, env=environment,
        ).stdout
        for option in ("--discover", "--version")
    ]  # fmt: skip
    assert json.loads(found[0]) == offline
    assert found[1].splitlines() == bench.tap.run(None, "--version").lines


def test_the_streams_are_those_of_the_contract(bench: Bench, offline: dict[str, Any]) -> None:
    named = {name for name in INTERFACE[bench.name] if "*" not in name}
    for catalog in (offline, bench.discovered):
        offered = [name for name, _ in schemas(catalog)]
        assert not named - set(offered)
        assert len(offered) == len(set(offered))
    assert all(bench.facts(name) for name in bench.streams)


def test_keys_and_defaults_are_those_of_the_contract(bench: Bench, offline: dict[str, Any]) -> None:
    for catalog, config in ((offline, {}), (bench.discovered, bench.config)):
        for entry in catalog["streams"]:
            name, facts = entry["tap_stream_id"], bench.facts(entry["tap_stream_id"])
            selected = (
                facts.selected in config if isinstance(facts.selected, str) else facts.selected
            )
            root = metadata(entry)
            assert tuple(entry["key_properties"]) == facts.keys, name
            assert tuple(root["table-key-properties"]) == facts.keys, name
            assert entry.get("replication_key") == facts.replication_key, name
            method = "INCREMENTAL" if facts.replication_key else "FULL_TABLE"
            assert entry["replication_method"] == method, name
            assert root.get("selected-by-default", True) is selected, name
            assert root.get("selected", selected) is selected, name


def test_key_columns_are_never_null(bench: Bench) -> None:
    for name, schema in schemas(bench.discovered):
        facts = bench.facts(name)
        for key in facts.keys:
            assert "null" not in schema["properties"][key]["type"], (name, key)
        for column in {*facts.keys, facts.replication_key} - {None}:
            node = schema["properties"][column]
            assert main_type(node) in {"string", "integer"}, (name, column)
            assert not node.get("x-pii"), (name, column)


def test_replication_keys_are_instants_or_dates(bench: Bench) -> None:
    for name, schema in schemas(bench.discovered):
        column = bench.facts(name).replication_key
        if column:
            assert schema["properties"][column]["format"] in {"date-time", "date"}, (name, column)


def test_every_property_is_described_and_typed(bench: Bench, offline: dict[str, Any]) -> None:
    for name, schema in schemas(offline) + schemas(bench.discovered):
        assert schema["description"].strip(), name
        for path, node in leaves(schema):
            types = [node["type"]] if isinstance(node["type"], str) else node["type"]
            assert len([kind for kind in types if kind in TYPES]) == 1, (name, path)
            assert set(types) <= {*TYPES, "null"}, (name, path)
            if not path.endswith("[]"):
                words = node.get("description", "").split()
                # Of a stream that the vendor's own catalogue describes, the words are the vendor's.
                assert len(words) > (name in INTERFACE[bench.name]), (name, path)
            if main_type(node) == "array":
                assert node["items"]["type"], (name, path)
            if main_type(node) == "object":
                assert "properties" in node, (name, path)


def test_no_schema_uses_what_loaders_stumble_over(bench: Bench, offline: dict[str, Any]) -> None:
    unwanted = {"enum", "const", "multipleOf", "anyOf", "oneOf", "allOf", "not", "$ref", "pattern"}
    for name, schema in schemas(offline) + schemas(bench.discovered):
        for path, node in leaves(schema):
            assert not unwanted & node.keys(), (name, path)
            assert node.get("format") in {None, "date-time", "date"}, (name, path)
            if "format" in node:
                assert main_type(node) == "string", (name, path)
            members = Counter(member.lower() for member in node.get("properties", {}))
            assert not members or members.most_common(1)[0][1] == 1, (name, path)
        columns = Counter(column.lower() for column in schema["properties"])
        assert columns.most_common(1)[0][1] == 1, name


def test_every_stream_keeps_undeclared_fields(bench: Bench) -> None:
    for name, schema in schemas(bench.discovered):
        extra = schema["properties"]["_extra"]
        assert sorted(extra["type"]) == ["null", "object"], name
        assert extra["additionalProperties"] is True, name


def test_personal_data_is_tagged_on_leaves_only(bench: Bench) -> None:
    tagged = 0
    for name, schema in schemas(bench.discovered):
        for path, node in leaves(schema):
            if "x-pii" in node:
                tagged += 1
                assert node["x-pii"] is True, (name, path)
                assert not node.get("properties"), (name, path)
    assert tagged > 3


def test_schema_files_belong_to_streams_and_hold_no_secret(bench: Bench) -> None:
    folder = ROOT / f"tap-{bench.name}" / bench.tap.module / "schemas"
    files = sorted(folder.glob("*.json"))
    assert files
    for path in files:
        text = path.read_text("utf-8")
        schema = json.loads(text)
        assert schema["type"] == "object", path.name
        assert "_extra" not in schema["properties"], path.name
        assert text.endswith("}\n"), path.name
        assert not {"password", "api_key", "access_token"} & schema["properties"].keys(), path.name


def test_about_tells_every_setting_without_a_network(bench: Bench) -> None:
    run = bench.tap.run(None, "--about", "--format=json", environment=OFFLINE)
    assert run.code == 0, run.stderr
    about = json.loads(b"\n".join(run.lines))
    assert about["name"] == f"tap-{bench.name}"
    properties = about["settings"]["properties"]
    for name, (kind, default) in SETTINGS.items():
        node = properties[name]
        assert main_type(node) == kind, name
        wanted = DEFAULTS[bench.name].get(name, ...) if default is ... else default
        if wanted is not ...:
            assert node.get("default") == wanted, name
        else:
            assert "default" in node, name
        assert node["description"], name
    assert "start_date" in about["settings"]["required"]
    secret = {name for name, node in properties.items() if node.get("secret")}
    assert secret == SECRETS[bench.name]
    assert all(properties[name]["description"] for name in properties)
    assert properties["api_url"]["default"].startswith("https://")
    assert properties["user_agent"]["default"].startswith(f"tap-{bench.name}/")
