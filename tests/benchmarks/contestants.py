"""Who takes part: the floor, peers in environments of their own, and the tap."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from dev import bootstrap
from dev.layout import TOOLS
from tests.benchmarks.measure import Peer, Served, Wrong, surroundings
from tests.benchmarks.shapes import ROOT, Shape

__all__ = ["PEERS", "Missing", "Scene"]

_SCRIPTS = Path(__file__).with_name("peers")
_SINGER = b'{"type":"RECORD"'
_ANY = b"{"


class Missing(Exception):
    """A peer cannot read this shape."""


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

    def options(self, name: str) -> str:
        """Write what the scripts are told; give the file's path."""
        shape = self.shape
        windows = [[_wire(shape.tap, moment) for moment in window] for window in shape.windows()]
        told = {
            "api_url": self.served.url,
            "shape": shape.tap,
            "page_size": self.page_size,
            "schema_file": self.file(f"{shape.tap}-schema", shape.schema),
            "first": _wire(shape.tap, shape.start),
            "last": _wire(shape.tap, shape.end),
            "windows": windows,
            "keys": [shape.key],
            "rows": self.served.rows,
            "first_key": shape.spelling % 0,
            "in_flight": self.in_flight,
            "rate": self.rate,
        }
        return self.file(f"{name}-{self.in_flight}-{self.rate}", told)


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
    name = "limit" if scene.in_flight == 1 else "limit-conc"
    command = [sys.executable, str(_SCRIPTS / "limit.py"), scene.options("limit")]
    return Peer(name, command, _ANY)


def server(scene: Scene) -> Peer:
    """The bytes alone: shows that the server is not what is measured."""
    command = [sys.executable, str(_SCRIPTS / "bytes_only.py"), scene.options("bytes")]
    return Peer("bytes only", command, None)


def _in_own_environment(
    scene: Scene, name: str, script: str, requirements: Sequence[str], record: bytes | None
) -> Peer:
    python = _python(script, *requirements)
    command = [python, str(_SCRIPTS / f"{script}.py"), scene.options(script)]
    return Peer(name, command, record)


def cookiecutter(scene: Scene) -> Peer:
    """A singer-sdk tap as its template leads to."""
    peer = _in_own_environment(
        scene, "cookiecutter", "cookiecutter", ["singer-sdk==0.54.9"], _SINGER
    )
    return replace(peer, command=[*peer.command[:2], "--config", peer.command[2]])


def singer_python(scene: Scene) -> Peer:
    """The classic library, its Transformer and all."""
    needed = ["singer-python==6.8.0", "requests", "msgspec"]
    return _in_own_environment(
        scene, "singer-python", "singer_transformer", needed, b'{"type": "RECORD"'
    )


def airbyte(scene: Scene) -> Peer:
    """A declarative manifest, by days side by side where several may be in flight."""
    name = "airbyte-cdk" if scene.in_flight == 1 else "airbyte-cdk, windows"
    _refuse(scene, "its JSONL decoder cannot be paged", "infinity")
    return _in_own_environment(
        scene, name, "airbyte_manifest", ["airbyte-cdk==7.39.1"], b'{"type":"RECORD"'
    )


def dlt(scene: Scene) -> Peer:
    """The rest_api source, extracted only."""
    _refuse(scene, "rest_api reads no lines of JSON", "infinity")
    return _in_own_environment(scene, "dlt extract", "dlt_extract", ["dlt==1.31.0"], None)


def _refuse(scene: Scene, why: str, *taps: str) -> None:
    if scene.shape.tap in taps:
        raise Missing(why)


# The tap


def _catalog(scene: Scene, config: str) -> str:
    """Give the path of a catalog with one stream selected, made once."""
    shape = scene.shape
    file = scene.folder / f"{shape.tap}-catalog.json"
    if not file.is_file():
        module = [sys.executable, "-m", "tests.benchmarks.selected"]
        command = [*module, f"tap-{shape.tap}", shape.stream, config]
        found = subprocess.run(command, check=False, capture_output=True, cwd=ROOT,
                               env=surroundings())  # fmt: skip
        if found.returncode:
            raise Wrong(f"tap-{shape.tap} --discover: {found.stderr.decode()[-3000:]}")
        file.write_bytes(found.stdout)
    return str(file)


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
    # A tap that is told the rate is another one than the tap that is not.
    file = scene.file(f"{name.replace(' ', '-')}-{scene.rate}", config)
    catalog = _catalog(scene, file)
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
    "bytes": server,
    "limit": floor,
    "ours": ours,
    "mapped": mapped,
    "flattened": flattened,
    "cookiecutter": cookiecutter,
    "airbyte": airbyte,
    "dlt": dlt,
    "singer-python": singer_python,
}
"""What makes which peer."""
