"""singer-io's tap-dixa reads the exports from the imitation, and its rows are ours."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.dixa.bench import Bench, Record, serve
from tests.sandbox.client_environments import client_python, run_client

pytestmark = [pytest.mark.slow, pytest.mark.network]

LAUNCHER = """
import sys
import requests
import tap_dixa

sandbox = sys.argv.pop(1)
send = requests.Session.request

def request(self, method, url, **options):
    for host in ("https://exports.dixa.io", "https://dev.dixa.io"):
        url = url.replace(host, sandbox)
    return send(self, method, url, **options)

requests.Session.request = request
tap_dixa.main()
"""
"""Its hosts are fixed: they are led to the imitation."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CUT = re.compile("[\ud800-\udfff]")
"""Half an emoji, which no warehouse stores: ours holds a replacement character."""

OURS = {"conversations": "conversation_export", "messages": "message_export"}


def theirs(bench: Bench, folder: Path) -> dict[str, dict[Any, Record]]:
    """Discover, select the exports and sync; return the records of each stream by id."""
    python = client_python("singer-tap-dixa", "tap-dixa==1.0.10")
    script, config, catalog = (folder / name for name in ("run.py", "config.json", "catalog.json"))
    script.write_text(LAUNCHER)
    start = f"{bench.config['start_date']}T00:00:00Z"
    config.write_text(json.dumps({"api_token": bench.config["api_token"], "start_date": start}))
    command = (script, bench.config["api_url"], "--config", config)
    found = json.loads(run_client(python, *command, "--discover"))
    for stream in found["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = stream["stream"] in OURS
    catalog.write_text(json.dumps(found))
    rows: dict[str, dict[Any, Record]] = {name: {} for name in OURS}
    for line in run_client(python, *command, "--catalog", catalog).split("\n"):
        message: dict[str, Any] = json.loads(line or "{}")
        if message.get("type") == "RECORD":
            rows[message["stream"]][message["record"]["id"]] = message["record"]
    return rows


def same(ours: Any, other: Any, node: dict[str, Any]) -> bool:
    """Compare a value of ours with theirs: instants in milliseconds, half emojis as they came."""
    if node.get("format") == "date-time" and other is not None:
        moment = EPOCH + timedelta(milliseconds=other)
        return bool(datetime.fromisoformat(ours) == moment)
    if isinstance(other, str):
        other = CUT.sub("\ufffd", other)
    return bool(ours == other)


def test_its_rows_are_ours(tmp_path: Path) -> None:
    with serve(days=40, gmt=False) as bench:
        rows = theirs(bench, tmp_path)
        run = bench.run(*OURS.values())
        assert run.error is None
    for name, stream in OURS.items():
        declared = run.schemas[stream]["schema"]["properties"]
        ours = {row["id"]: row for row in run.records[stream]}
        assert rows[name].keys() == ours.keys()
        compared = 0
        for key, row in rows[name].items():
            for field in row.keys() & ours[key].keys() - {"custom_fields", "ratings"}:
                assert same(ours[key][field], row[field], declared[field]), (stream, field)
                compared += 1
        assert compared > 10 * len(ours)
