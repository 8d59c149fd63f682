"""Renders what a tap says about itself for READMEs, `meltano.yml` and `.env.example`."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from dev.credentials import LOGINS, logins_text, variable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dev.about import About, Setting

WIDTH = 98
# Streams that appear only at run time, and are selected then.
DYNAMIC = {"tap-dixa": ("metric_*", "record_*")}
# Taps whose configuration makes streams of any name; what is left out is named instead.
OPEN_ENDED = {"tap-infinity"}


def settings_table(about: About) -> str:
    """Return the Markdown table of a tap's own settings."""
    rows = [
        (f"`{s.name}`", _type_text(s), _default_text(s), s.description)
        for s in about.settings
        if s.is_own
    ]
    return _table(("Setting", "Type", "Default", "Meaning"), rows)


def streams_table(about: About) -> str:
    """Return the Markdown table of a tap's streams."""
    rows = [
        (
            f"`{stream.name}`",
            ", ".join(f"`{name}`" for name in stream.primary_key),
            f"`{stream.replication_key}`" if stream.replication_key else "",
            "yes" if stream.selected else "no",
            stream.description,
        )
        for stream in about.streams
    ]
    heads = ("Stream", "Primary key", "Replication key", "Selected by default", "What it is")
    return _table(heads, rows)


def extractor(about: About) -> str:
    """Return the tap's entry under `plugins.extractors` of `meltano.yml`."""
    lines = [
        f"- name: {about.name}",
        f"  namespace: {about.name.replace('-', '_')}",
        f"  description: {json.dumps(about.description, ensure_ascii=False)}",
        f"  executable: ./.venv/bin/{about.name}",
        *_wrapped("  capabilities: [", about.capabilities),
        "  settings_group_validation:",
        *(f"  - [{', '.join(('start_date', *way))}]" for way in LOGINS[about.name]),
        *_wrapped("  select: [", [json.dumps(pattern) for pattern in selection(about)]),
        "  settings:",
    ]
    for setting in about.settings:
        lines += _meltano_setting(setting)
    return "\n".join(lines) + "\n"


def selection(about: About) -> list[str]:
    """Return Meltano's patterns for the streams selected by default.

    Without them Meltano selects everything, whatever the catalog says.
    """
    if about.name in OPEN_ENDED:
        return ["*.*", *(f"!{stream.name}.*" for stream in about.streams if not stream.selected)]
    dynamic = DYNAMIC.get(about.name, ())
    static = [
        stream.name
        for stream in about.streams
        if stream.selected and not any(fnmatch(stream.name, pattern) for pattern in dynamic)
    ]
    return [f"{name}.*" for name in (*dynamic, *static)]


def environment_example(about: About) -> str:
    """Return the tap's part of `.env.example`: every own setting, commented out."""
    lines = [f"# Credentials: {logins_text(about.name)}."]
    for setting in (s for s in about.settings if s.is_own):
        default = "" if setting.default is None else f" (default {_plain(setting.default)})"
        lines += ["", *_comment(f"{setting.description or setting.label}{default}")]
        lines.append(f"#{variable(about.name, setting.name)}=")
    return "\n".join(lines) + "\n"


def _meltano_setting(setting: Setting) -> list[str]:
    """Return one entry of an extractor's `settings`."""
    lines = [
        f"  - name: {setting.name}",
        f"    kind: {_kind(setting)}",
        f"    label: {json.dumps(setting.label, ensure_ascii=False)}",
    ]
    if setting.secret:
        lines.append("    sensitive: true")
    if setting.choices:
        lines.append("    options:")
        lines += [f"    - {{label: {c}, value: {c}}}" for c in setting.choices]
    if setting.description:
        lines.append(f"    description: {json.dumps(setting.description, ensure_ascii=False)}")
    return lines


def _kind(setting: Setting) -> str:
    """Return Meltano's kind of a setting."""
    if setting.choices:
        return "options"
    for kind in ("object", "array", "boolean", "integer"):
        if kind in setting.types:
            return kind
    return "date_iso8601" if setting.name in {"start_date", "end_date"} else "string"


def _type_text(setting: Setting) -> str:
    """Return a setting's type for people."""
    if setting.choices:
        return " or ".join(f"`{choice}`" for choice in setting.choices)
    text = " or ".join(setting.types)
    return f"{text}, secret" if setting.secret else text


def _default_text(setting: Setting) -> str:
    """Return a setting's default for people."""
    if setting.required:
        return "required"
    return "" if setting.default is None else f"`{_plain(setting.default)}`"


def _plain(value: Any) -> str:
    """Return a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def _comment(text: str) -> list[str]:
    """Return `text` as comment lines."""
    return [f"# {line}" for line in _filled(text.split(), WIDTH - 2)]


def _wrapped(start: str, words: Iterable[str]) -> list[str]:
    """Return a YAML flow list, continued on indented lines where it is long."""
    listed = list(words)
    parts = [f"{word}," for word in listed[:-1]] + [f"{word}]" for word in listed[-1:]]
    lines = _filled([start + parts[0], *parts[1:]], WIDTH - 6) if parts else [f"{start}]"]
    return [lines[0], *(f"    {line}" for line in lines[1:])]


def _filled(words: list[str], width: int) -> list[str]:
    """Return words joined to lines of at most `width` characters where words allow it."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
