"""Who takes part: the floor, peers in environments of their own, and the tap."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from dev import bootstrap
from dev.layout import TOOLS
from tests.benchmarks.measure import Peer, Served, environment
from tests.benchmarks.shapes import ROOT, Shape

__all__ = ["cookiecutter", "floor", "ours"]

_PEERS = Path(__file__).with_name("peers")
_WIRE = "%Y-%m-%d %H:%M:%S"


@cache
def _python(name: str, *requirements: str) -> str:
    """Give the Python of a peer's own environment, made on first use."""
    folder = TOOLS / "peers" / name
    python, mark = folder / "bin" / "python", folder / ".requirements"
    wanted = "\n".join(requirements)
    if not mark.is_file() or mark.read_text(encoding="utf-8") != wanted:
        uv = str(bootstrap.uv())
        subprocess.run(
            [uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True
        )
        install = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python)]
        subprocess.run([*install, *requirements], check=True)
        mark.write_text(wanted, encoding="utf-8")
    return str(python)


def _file(folder: Path, name: str, value: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def floor(shape: Shape, served: Served, page_size: int, in_flight: int = 1) -> Peer:
    """requests and msgspec, no Singer logic."""
    name = "limit" if in_flight == 1 else f"limit-conc ({in_flight})"
    ends = [shape.start.strftime(_WIRE), shape.end.strftime(_WIRE)]
    script = str(_PEERS / "limit.py")
    command = [sys.executable, script, served.url, *ends, str(page_size), str(in_flight)]
    return Peer(name, command)


def cookiecutter(shape: Shape, served: Served, page_size: int, folder: Path) -> Peer:
    """A singer-sdk tap as its template leads to."""
    config = {
        "api_url": served.url,
        "schema_file": _file(folder, "schema.json", shape.schema),
        "first": shape.start.strftime(_WIRE),
        "last": shape.end.strftime(_WIRE),
        "page_size": page_size,
    }
    python = _python("cookiecutter", "singer-sdk==0.54.9")
    script = str(_PEERS / "cookiecutter.py")
    return Peer(
        "cookiecutter tap", [python, script, "--config", _file(folder, "peer.json", config)]
    )


def ours(shape: Shape, served: Served, page_size: int, folder: Path, **settings: Any) -> Peer:
    """The tap, with all its features on."""
    label = "".join(f", {name} {value}" for name, value in settings.items())
    config = {
        "api_url": served.url,
        "access_token": "benchmark-token",
        "start_date": shape.start.isoformat(),
        "end_date": shape.end.isoformat(),
        "page_size": page_size,
        **settings,
    }
    given = _file(folder, f"ours{label}.json", config)
    module = [sys.executable, "-m", f"tap_{shape.tap}"]
    found = subprocess.run(
        [*module, "--config", given, "--discover"], check=True, capture_output=True, cwd=ROOT,
        env=environment(),
    )  # fmt: skip
    catalog = json.loads(found.stdout)
    for entry in catalog["streams"]:
        chosen = entry["tap_stream_id"] == shape.stream
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = chosen
    files = ["--config", given, "--catalog", _file(folder, "catalog.json", catalog)]
    return Peer(f"tap-{shape.tap}{label}", [*module, *files])
