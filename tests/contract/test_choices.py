"""What users choose: personal data, undeclared fields, selection, stream maps, flattening."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.contract.bench import Bench
from tests.contract.runner import Run, announced
from tests.contract.truth import main_type, undeclared, validator

SALT = "sandbox-salt"


def pairs(
    node: Mapping[str, Any], kept: Any, changed: Any, name: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Give each tagged value of a record beside what became of it."""
    if node.get("x-pii"):
        yield name, kept, changed
    elif kept is not None and main_type(node) == "object":
        for member, child in node.get("properties", {}).items():
            if member in kept and member != "_extra":
                yield from pairs(child, kept[member], changed[member], f"{name}.{member}")
    elif kept is not None and main_type(node) == "array":
        for item, other in zip(kept, changed, strict=True):
            yield from pairs(node["items"], item, other, f"{name}[]")


def hashed(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return hmac.new(SALT.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_hashed_personal_data(bench: Bench, full: Run) -> None:
    run = bench.run({**bench.config, "pii": "hash", "pii_salt": SALT})
    assert run.code == 0, run.stderr
    schemas, kept, seen = announced(full), bench.by_identity(full), 0
    checks = {stream: validator(schema) for stream, schema in announced(run).items()}
    for stream, records in bench.by_identity(run).items():
        assert records.keys() == kept[stream].keys(), stream
        for key, record in records.items():
            error = next(checks[stream].iter_errors(record), None)
            assert error is None, (stream, error and error.message[:200])
            for name, before, after in pairs(schemas[stream], kept[stream][key], record):
                seen += 1
                if before is None or before in ([], {}):
                    assert not after or after == hashed(before), (stream, name)
                elif isinstance(before, list):
                    assert after == [hashed(item) for item in before], (stream, name)
                elif isinstance(before, str):
                    assert after == hashed(before), (stream, name)
                else:
                    assert len(after) == 64, (stream, name)
    assert seen
    assert SALT.encode() not in b"".join(run.lines)
    assert SALT not in run.stderr


def test_dropped_personal_data(bench: Bench, full: Run) -> None:
    config = {**bench.config, "pii": "drop", "undeclared_fields": "drop"}
    run = bench.run(config)
    assert run.code == 0, run.stderr
    schemas, kept, seen = announced(full), bench.by_identity(full), 0
    for stream, records in bench.by_identity(run).items():
        assert records.keys() == kept[stream].keys(), stream
        for key, record in records.items():
            assert record.get("_extra") is None, stream
            assert not [*undeclared(schemas[stream], record)], stream
            for name, _, after in pairs(schemas[stream], kept[stream][key], record):
                seen += 1
                assert after is None, (stream, name)
    assert seen


def column(bench: Bench, full: Run) -> tuple[str, str]:
    """Give a stream with an ordinary column that has values."""
    for stream in bench.incremental:
        facts = bench.facts(stream)
        for record in full.records(stream):
            for name, value in record.items():
                ordinary = name not in {*facts.keys, *facts.context, facts.replication_key}
                if ordinary and isinstance(value, str) and value and name != "_extra":
                    return stream, name
    pytest.fail("no stream has an ordinary column")


def test_a_deselected_column_is_left_out(bench: Bench, full: Run) -> None:
    stream, name = column(bench, full)
    run = bench.run(catalog=bench.catalog(stream, without={stream: name}))
    assert run.code == 0, run.stderr
    assert run.streams == {stream}
    assert name not in announced(run)[stream]["properties"]
    assert run.records(stream)
    for record in run.records(stream):
        assert name not in record
        assert name not in (record.get("_extra") or {})
        assert all(record[key] is not None for key in bench.facts(stream).keys)


def test_columns_that_an_older_catalog_lacks_are_kept(bench: Bench, full: Run) -> None:
    """What a catalog of an older version does not have is undeclared; what it deselects is out."""
    catalog, older, deselected = bench.catalog(), {}, {}
    for entry in catalog["streams"]:
        name, facts = entry["tap_stream_id"], bench.facts(entry["tap_stream_id"])
        known = {*facts.keys, *facts.context, facts.replication_key, "_extra"}
        lacks = [column for column in entry["schema"]["properties"] if column not in known]
        older[name], deselected[name] = lacks[:-1:2], lacks[-1:]
        for column in older[name]:
            del entry["schema"]["properties"][column]
        kept = []
        for item in entry["metadata"]:
            column = item["breadcrumb"][1] if item["breadcrumb"] else None
            if len(item["breadcrumb"]) == 2 and column in deselected[name]:
                item["metadata"]["selected"] = False
            if column not in older[name]:
                kept.append(item)
        entry["metadata"] = kept
    run = bench.run(catalog=catalog)
    assert run.code == 0, run.stderr
    seen = 0
    for stream in bench.streams:
        keys, out = bench.facts(stream).keys, {*deselected[stream]}
        now, then = (
            {tuple(record[key] for key in keys): record for record in one.records(stream)}
            for one in (run, full)
        )
        assert now.keys() == then.keys(), stream
        assert not {*older[stream], *out} & announced(run)[stream]["properties"].keys(), stream
        for key, record in now.items():
            extra = record.get("_extra") or {}
            assert not {*older[stream], *out} & record.keys(), stream
            assert not out & extra.keys() - (then[key].get("_extra") or {}).keys(), stream
            came = {column for column in older[stream] if then[key].get(column) is not None}
            assert not {column.removeprefix("field_") for column in came} - extra.keys(), stream
            seen += len(came)
    assert seen > 100


def test_a_deselected_key_is_emitted_all_the_same(bench: Bench, full: Run) -> None:
    stream = bench.incremental[0]
    facts = bench.facts(stream)
    for key in {*facts.keys, facts.replication_key or ""}:
        run = bench.run(catalog=bench.catalog(stream, without={stream: key}))
        assert run.code == 0, run.stderr
        assert len(run.records(stream)) == len(full.records(stream))
        assert all(record[key] is not None for record in run.records(stream) if key in facts.keys)


def test_an_unknown_stream_of_the_catalog_is_told(bench: Bench) -> None:
    catalog = bench.catalog(bench.streams[-1])
    entry = next(e for e in catalog["streams"] if e["tap_stream_id"] == bench.streams[-1])
    gone = json.loads(json.dumps(entry).replace(f'"{bench.streams[-1]}"', '"gone_for_good"'))
    catalog["streams"].append(gone)
    run = bench.run(catalog=catalog)
    assert run.code == 0, run.stderr
    assert any("gone_for_good" in line for line in run.said("WARNING"))
    assert run.streams == {bench.streams[-1]}


def test_stream_maps_rename_add_and_remove(bench: Bench, full: Run) -> None:
    stream, name = column(bench, full)
    rules = {name: None, "mapped_text": f"str(record.get('{name}'))"}
    config = {**bench.config, "stream_maps": {stream: {**rules, "__alias__": "renamed"}}}
    run = bench.run(config, catalog=bench.catalog(stream))
    assert run.code == 0, run.stderr
    assert run.streams == {"renamed"}
    assert len(run.records("renamed")) == len(full.records(stream))
    for record in run.records("renamed"):
        assert name not in record
        assert isinstance(record["mapped_text"], str)


def test_flattening_leaves_no_object(bench: Bench, full: Run) -> None:
    config = {**bench.config, "flattening_enabled": True, "flattening_max_depth": 5}
    run = bench.run(config)
    assert run.code == 0, run.stderr
    assert run.streams == set(bench.streams)
    for stream in bench.streams:
        assert len(run.records(stream)) == len(full.records(stream)), stream
        for record in run.records(stream):
            assert not [name for name, value in record.items() if isinstance(value, dict) and value]


def test_default_selection_is_the_contracts(bench: Bench) -> None:
    """Without a catalog just the streams that are selected by default are read."""
    run = bench.tap.run(bench.config)
    assert run.code == 0, run.stderr
    chosen = {
        name for name in bench.streams
        for selected in [bench.facts(name).selected]
        if (selected in bench.config if isinstance(selected, str) else selected)
    }  # fmt: skip
    assert run.streams == chosen
