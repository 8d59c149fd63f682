"""Who takes part: the floor, peers in environments of their own, and the tap."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from dev import bootstrap
from dev.layout import TOOLS
from tests.benchmarks.measure import Peer, Served, Wrong, surroundings
from tests.benchmarks.shapes import ROOT, Shape

__all__ = ["PEERS", "Scene"]

_SCRIPTS = Path(__file__).with_name("peers")
_SINGER = b'{"type":"RECORD"'
_FIRST_KEY = b"{"


@dataclass(frozen=True)
class Scene:
    """Where a peer runs.

    Attributes:
        served: The server.
        page_size: Rows a request.
        folder: Where its files go.
        in_flight: Most requests under way, for those that can.
        rate: Requests a second that the server allows, as far as the peer is told; 0 for no word.
    """

    served: Served
    page_size: int
    folder: Path
    in_flight: int = 1
    rate: int = 0

    @property
    def shape(self) -> Shape:
        """What is extracted."""
        return self.served.shape

    def file(self, name: str, value: Any) -> str:
        """Write a file for a peer; give its path."""
        path = self.folder / f"{name}-{self.served.url.rpartition(':')[2]}.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        return str(path)

    def options(self, name: str, **more: Any) -> str:
        """Write what the scripts are told; give the file's path."""
        shape = self.shape
        told = {
            "api_url": self.served.url,
            "shape": shape.tap,
            "page_size": self.page_size,
            "schema_file": self.file(f"{shape.tap}-schema", shape.schema),
            "first": _wire(shape.tap, shape.start),
            "last": _wire(shape.tap, shape.end),
            **more,
        }
        return self.file(name, told)


def _wire(tap: str, moment: datetime) -> str:
    """Write a bound as the vendor wants it."""
    if tap in {"interactions", "dixa"}:
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    return f"{moment:%Y-%m-%d}" if tap == "infinity" else f"{moment:%Y-%m-%d %H:%M:%S}"


@cache
def _python(name: str, *requirements: str) -> str:
    """Give the Python of a peer's own environment, made on first use."""
    folder = TOOLS / "peers" / name
    python, mark = folder / "bin" / "python", folder / ".requirements"
    wanted = "\n".join(requirements)
    if not mark.is_file() or mark.read_text(encoding="utf-8") != wanted:
        print(f"Making an environment for {', '.join(requirements)} ...")  # noqa: T201
        uv = str(bootstrap.uv())
        make = [uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)]
        subprocess.run(make, check=True)
        install = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python)]
        subprocess.run([*install, *requirements], check=True)
        mark.write_text(wanted, encoding="utf-8")
    return str(python)


def floor(scene: Scene) -> Peer:
    """requests and msgspec, no Singer logic."""
    shape, several = scene.shape, scene.in_flight
    windows = [tuple(_wire(shape.tap, at) for at in window) for window in shape.windows()]
    options = scene.options(
        f"limit-{several}-{scene.rate}", windows=windows, in_flight=several, rate=scene.rate
    )
    name = "limit" if several == 1 else "limit-conc"
    return Peer(name, [sys.executable, str(_SCRIPTS / "limit.py"), options], _FIRST_KEY)


def cookiecutter(scene: Scene) -> Peer:
    """A singer-sdk tap as its template leads to."""
    python = _python("cookiecutter", "singer-sdk==0.54.9")
    script = str(_SCRIPTS / "cookiecutter.py")
    return Peer(
        "cookiecutter", [python, script, "--config", scene.options("cookiecutter")], _SINGER
    )


# The tap


@cache
def _catalog(tap: str, stream: str, config: str) -> dict[str, Any]:
    """Discover, and select one stream."""
    command = [sys.executable, "-m", f"tap_{tap}", "--config", config, "--discover"]
    found = subprocess.run(command, check=False, capture_output=True, env=surroundings(), cwd=ROOT)
    if found.returncode:
        raise Wrong(f"tap-{tap} --discover: {found.stderr.decode()[-3000:]}")
    catalog: dict[str, Any] = json.loads(found.stdout)
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = entry["tap_stream_id"] == stream
    return catalog


def ours(scene: Scene, name: str = "", **settings: Any) -> Peer:
    """The tap, with all its features on."""
    shape = scene.shape
    name = name or ("ours" if scene.in_flight == 1 else f"ours ({scene.in_flight})")
    config = {
        **shape.settings,
        "api_url": scene.served.url,
        "start_date": shape.start.isoformat(),
        "end_date": shape.end.isoformat(),
        "page_size": scene.page_size,
        "max_concurrency": scene.in_flight,
        **({"requests_per_minute": scene.rate * 60} if scene.rate else {}),
        **settings,
    }
    file = scene.file(name.replace(" ", "-"), config)
    catalog = scene.file(f"{shape.tap}-catalog", _catalog(shape.tap, shape.stream, file))
    command = [sys.executable, "-m", f"tap_{shape.tap}", "--config", file, "--catalog", catalog]
    return Peer(name, command, _SINGER)


def mapped(scene: Scene) -> Peer:
    """The tap with a stream map: the way over single records."""
    shape = scene.shape
    changes = {"benchmark": f"record['{shape.key}']"}
    return ours(scene, "ours, stream map", stream_maps={shape.stream: changes})


def flattened(scene: Scene) -> Peer:
    """The tap with flattening: the way over single records."""
    flat = {"flattening_enabled": True, "flattening_max_depth": 2}
    return ours(scene, "ours, flattened", **flat)


PEERS: dict[str, Callable[[Scene], Peer]] = {
    "limit": floor,
    "ours": ours,
    "mapped": mapped,
    "flattened": flattened,
    "cookiecutter": cookiecutter,
}
"""What makes which peer."""
