"""What a tap says about itself: its settings (`--about`) and its streams (`--discover`)."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from dataclasses import dataclass
from typing import Any

from dev.layout import ROOT, executable
from dev.problem import Problem

# Settings that every tap has from the SDK.
SDK_OWN = ("stream_map", "faker_config", "flattening_", "batch_config", "emit_activate_version")


@dataclass(frozen=True)
class Setting:
    """One setting of a tap.

    Attributes:
        name: Its name in the configuration.
        types: JSON types without null.
        format: JSON Schema format, or "".
        default: Its default, or None.
        choices: The only values allowed, or none.
        required: Whether the tap refuses to start without it.
        secret: Whether it must never be shown.
        title: A label of a few words.
        description: A sentence.
    """

    name: str
    types: tuple[str, ...]
    format: str = ""
    default: Any = None
    choices: tuple[Any, ...] = ()
    required: bool = False
    secret: bool = False
    title: str = ""
    description: str = ""

    @property
    def is_own(self) -> bool:
        """Tell whether the tap, not the SDK, declares it."""
        return not self.name.startswith(SDK_OWN)

    @property
    def label(self) -> str:
        """Return the title, or one made from the name."""
        return self.title or self.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Listed:
    """One stream of a tap's catalog, as its README lists it."""

    name: str
    primary_key: tuple[str, ...]
    replication_key: str
    selected: bool
    description: str


@dataclass(frozen=True)
class About:
    """A tap's name, description, capabilities, settings and streams."""

    name: str
    description: str
    capabilities: tuple[str, ...]
    settings: tuple[Setting, ...]
    streams: tuple[Listed, ...] = ()


def about(tap: str) -> About:
    """Ask an installed tap; neither credentials nor a network are needed."""
    document = _ask(tap, "--about", "--format=json")
    return About(
        name=tap,
        description=_summary(tap),
        capabilities=tuple(sorted(document["capabilities"])),
        settings=settings(document["settings"]),
        streams=streams(discovered(tap)),
    )


def discovered(tap: str) -> dict[str, Any]:
    """Return the catalog that an installed tap offers without settings."""
    return _ask(tap, "--discover")


def settings(schema: dict[str, Any]) -> tuple[Setting, ...]:
    """Return the settings of a configuration's JSON Schema, required ones first."""
    required = set(schema.get("required", ()))
    found = [
        _setting(name, declared, required=name in required)
        for name, declared in schema["properties"].items()
    ]
    return tuple(sorted(found, key=lambda setting: not setting.required))


def streams(catalog: dict[str, Any]) -> tuple[Listed, ...]:
    """Return the streams of a catalog in its order."""
    return tuple(_listed(entry) for entry in catalog["streams"])


def _setting(name: str, declared: dict[str, Any], *, required: bool) -> Setting:
    """Return one property of a configuration's JSON Schema as a setting."""
    variants = [declared, *declared.get("anyOf", ()), *declared.get("oneOf", ())]
    types: list[str] = []
    for variant in variants:
        kinds = variant.get("type", [])
        types += [kinds] if isinstance(kinds, str) else kinds
    return Setting(
        name=name,
        types=tuple(kind for kind in dict.fromkeys(types) if kind != "null") or ("string",),
        format=next((v["format"] for v in variants if "format" in v), ""),
        default=declared.get("default"),
        choices=tuple(declared.get("enum", ())),
        required=required,
        secret=bool(declared.get("secret")),
        title=declared.get("title") or "",
        description=" ".join((declared.get("description") or "").split()),
    )


def _listed(entry: dict[str, Any]) -> Listed:
    """Return one entry of a catalog as a README lists it."""
    top: dict[str, Any] = next(
        (m["metadata"] for m in entry["metadata"] if not m["breadcrumb"]), {}
    )
    return Listed(
        name=entry["tap_stream_id"],
        primary_key=tuple(entry.get("key_properties") or ()),
        replication_key=entry.get("replication_key") or "",
        selected=bool(top.get("selected", top.get("selected-by-default", True))),
        description=" ".join((entry["schema"].get("description") or "").split()),
    )


def _summary(tap: str) -> str:
    """Return the description in the tap's pyproject.toml."""
    document = tomllib.loads((ROOT / tap / "pyproject.toml").read_text(encoding="utf-8"))
    return str(document["project"]["description"])


def _ask(tap: str, *options: str) -> dict[str, Any]:
    """Return the JSON document that the tap prints for `options`, with none of its settings set."""
    prefix = f"{tap.replace('-', '_').upper()}_"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(prefix)}
    done = subprocess.run(
        [executable(tap), *options],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean,
    )
    if done.returncode:
        raise Problem(f"`{tap} {' '.join(options)}` failed: {done.stderr.strip()[-600:]}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document
