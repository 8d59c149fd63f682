"""Clients that others made for the real Dixa read the imitation and get what is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contact_sandbox.dixa.gateway import TOKEN
from tests.sandbox.client_environments import client_python, run_client
from tests.sandbox.dixa_client import Client, serve

pytestmark = [pytest.mark.slow, pytest.mark.network]

API_CLIENT = """
import json, logging, sys
from urllib.parse import urljoin
import requests
from dixa import Dixa

class Session(requests.Session):
    def prepare_request(self, request):
        path = request.url.removeprefix("https://dev.dixa.io")
        request.url = urljoin(sys.argv[1], path)
        return super().prepare_request(request)

quiet = logging.getLogger("quiet")
quiet.addHandler(logging.NullHandler())
quiet.propagate = False
dixa = Dixa(sys.argv[2], max_retries=0, session=Session(), logger=quiet)
resources = {
    "agents": dixa.v1.Agent, "queues": dixa.v1.Queue, "tags": dixa.v1.Tag, "teams": dixa.v1.Team,
}
print(json.dumps({name: resource.list_() for name, resource in resources.items()}))
"""
"""Lists through dixa-api-client, whose host is fixed and whose links must be absolute."""

SINGER_TAP = """
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
"""singer-io's tap with its fixed hosts led to the sandbox."""


@pytest.fixture(name="dixa")
def _dixa() -> Iterator[Client]:
    with serve(now=None, days=40, gmt=False) as client:
        yield client


def launcher(folder: Path, text: str) -> Path:
    path = folder / "launcher.py"
    path.write_text(text)
    return path


def by_id(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    found = {(row["id"],): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_the_api_client_reads_the_reference_lists(dixa: Client, tmp_path: Path) -> None:
    python = client_python("dixa-api-client", "dixa-api-client==2.4.15")
    script = launcher(tmp_path, API_CLIENT)
    lists = json.loads(run_client(python, script, dixa.server.url("dixa"), TOKEN))
    for stream in ("agents", "queues", "teams"):
        assert by_id(lists[stream]) == dixa.vendor.expected(stream)
    tags = dixa.vendor.expected("tags")
    active = {key: row for key, row in tags.items() if row["state"] == "Active"}
    assert by_id(lists["tags"]) == active
    assert len(active) < len(tags)
    paths = [entry.path for entry in dixa.server.log.entries]
    assert paths.count("/v1/agents") + paths.count("/v1/agents/") == 2


def singer_rows(dixa: Client, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Discover, select everything and sync; return the records of each stream."""
    python = client_python("singer-tap-dixa", "tap-dixa==1.0.10")
    start = f"{dixa.server.settings('dixa')['start_date']}T00:00:00Z"
    config, catalog = folder / "config.json", folder / "catalog.json"
    config.write_text(json.dumps({"api_token": TOKEN, "start_date": start}))
    command = (launcher(folder, SINGER_TAP), dixa.server.url("dixa"), "--config", config)
    found = json.loads(run_client(python, *command, "--discover"))
    for stream in found["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    catalog.write_text(json.dumps(found))
    rows: dict[str, list[dict[str, Any]]] = {stream["stream"]: [] for stream in found["streams"]}
    for line in run_client(python, *command, "--catalog", catalog).splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            rows[message["stream"]].append(message["record"])
    return rows


def test_singer_ios_tap_reads_its_three_streams(dixa: Client, tmp_path: Path) -> None:
    rows = singer_rows(dixa, tmp_path)
    recast = {  # members that its schemas type otherwise than the vendor does, or cut down
        "conversations": ("conversation_export", {"custom_fields", "ratings"}),
        "messages": ("message_export", set[str]()),
        "activity_logs": ("activity_log", {"activityTimestamp", "attributes"}),
    }
    assert set(rows) == set(recast)
    for name, (stream, left_out) in recast.items():
        found, truth = by_id(rows[name]), dixa.vendor.expected(stream)
        assert set(found) == set(truth)
        for key, row in truth.items():
            same = {member for member in found[key] if member in row} - left_out
            assert len(same) > 2
            assert {member: found[key][member] for member in same} == {
                member: row[member] for member in same
            }
