from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev import parity
from dev.about import About, Listed, Setting, settings
from dev.blocks import (
    environment_example,
    extractor,
    plugin_file,
    selection,
    settings_table,
    streams_table,
)
from dev.credentials import LOGINS, variable
from dev.layout import MELTANO_FILE, ROOT, taps
from dev.problem import Problem

DECLARED = {
    "required": ["start_date"],
    "properties": {
        "api_token": {"type": ["string", "null"], "secret": True, "description": "A  token."},
        "start_date": {"type": ["string"], "description": "First instant."},
        "pii": {"type": ["string", "null"], "enum": ["keep", "drop"], "default": "keep"},
        "metrics": {"type": ["array", "null"], "description": "Either a | or b."},
        "page_size": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 300},
        "stream_maps": {"type": ["object", "null"]},
    },
}
ABOUT = About(
    name="tap-dixa",
    description="A tap: for trying",
    capabilities=("catalog", "discover", "state"),
    settings=settings(DECLARED),
    streams=(
        Listed("agents", ("id",), "", selected=True, description="Agents."),
        Listed("calls", ("id",), "start_time", selected=False, description="Calls."),
        Listed("metric_csat", ("id",), "period_start", selected=True, description="CSAT."),
    ),
)


def test_settings_table() -> None:
    assert settings_table(ABOUT).splitlines()[2:] == [
        "| `start_date` | string | required | First instant. |",
        "| `api_token` | string, secret |  | A token. |",
        "| `pii` | `keep` or `drop` | `keep` |  |",
        "| `metrics` | array |  | Either a \\| or b. |",
        "| `page_size` | integer | `300` |  |",
    ]


def test_streams_table() -> None:
    assert streams_table(ABOUT).splitlines()[2:] == [
        "| `agents` | `id` |  | yes | Agents. |",
        "| `calls` | `id` | `start_time` | no | Calls. |",
        "| `metric_csat` | `id` | `period_start` | yes | CSAT. |",
    ]


def test_the_extractor_is_yaml_with_every_setting() -> None:
    [plugin] = yaml.safe_load(extractor(ABOUT))
    assert plugin["select"] == ["metric_*.*", "record_*.*", "agents.*"]
    assert [setting["name"] for setting in plugin["settings"]] == [
        setting.name for setting in ABOUT.settings
    ]
    kinds = {setting["name"]: setting["kind"] for setting in plugin["settings"]}
    assert kinds == {
        "start_date": "date_iso8601",
        "api_token": "string",
        "pii": "options",
        "metrics": "array",
        "page_size": "integer",
        "stream_maps": "object",
    }
    assert [s["name"] for s in plugin["settings"] if s.get("sensitive")] == ["api_token"]
    assert plugin["capabilities"] == ["catalog", "discover", "state"]
    assert plugin["settings_group_validation"] == [["start_date", "api_token"]]


def test_the_plugin_file_defines_what_meltano_yml_does() -> None:
    text = plugin_file(ABOUT)
    plugin = yaml.safe_load(text)
    [entry] = yaml.safe_load(extractor(ABOUT))
    shared = ("name", "namespace", "description", "capabilities", "settings")
    assert {name: plugin[name] for name in shared} == {name: entry[name] for name in shared}
    assert plugin["settings_group_validation"] == entry["settings_group_validation"]
    assert plugin["pip_url"] == "${CONTACT_TAPS}/shared ${CONTACT_TAPS}/tap-dixa"
    assert f"_select '{json.dumps(entry['select'])}'" in text


def test_a_tap_with_streams_of_any_name_selects_all_but_the_named() -> None:
    infinity = dataclasses.replace(ABOUT, name="tap-infinity")
    assert selection(infinity) == ["*.*", "!calls.*"]


def test_the_example_environment_sets_nothing() -> None:
    lines = environment_example(ABOUT).splitlines()
    assert "#TAP_DIXA_API_TOKEN=" in lines
    assert all(line.startswith("#") or not line for line in lines)


def test_a_block_replaces_what_is_between_its_marks_and_nothing_else() -> None:
    block = parity.Block(Path("x"), "<begin>", "<end>", "new\n")
    assert block.put_into("a\n<begin>\nold\n<end>\nb\n") == "a\n<begin>\nnew\n<end>\nb\n"
    with pytest.raises(Problem, match="lacks the lines"):
        block.put_into("a\n<begin>\nold\n")


def test_documentation_agrees_with_the_installed_taps() -> None:
    assert parity.differing() == []


@pytest.mark.parametrize("tap", sorted(LOGINS))
def test_meltano_declares_every_tap_with_its_logins_kept_secret(tap: str) -> None:
    plugins = yaml.safe_load(MELTANO_FILE.read_text(encoding="utf-8"))["plugins"]
    plugin = next(plugin for plugin in plugins["extractors"] if plugin["name"] == tap)
    declared = {setting["name"]: setting for setting in plugin["settings"]}
    assert {"start_date", "pii_salt"} <= set(declared)
    for way in LOGINS[tap]:
        assert set(way) <= set(declared)
        assert any(declared[name].get("sensitive") for name in way)
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    own = [Setting(name, ("string",)) for name in declared]
    assert all(f"#{variable(tap, s.name)}=" in example for s in own if s.is_own)


def plugins() -> list[dict[str, Any]]:
    """Give every plugin that Meltano is told of."""
    found: dict[str, list[dict[str, Any]]] = yaml.safe_load(
        MELTANO_FILE.read_text(encoding="utf-8")
    )["plugins"]
    return [plugin for kind in found.values() for plugin in kind]


@pytest.mark.parametrize("plugin", plugins(), ids=lambda plugin: str(plugin["name"]))
def test_every_setting_that_meltano_is_told_of_is_described(plugin: dict[str, Any]) -> None:
    for setting in plugin["settings"]:
        for part in ("kind", "label", "description"):
            assert setting.get(part), (setting["name"], part)
    known = {setting["name"] for setting in plugin["settings"]}
    groups = plugin.get("settings_group_validation", ())
    assert all(set(group) <= known for group in groups), groups
    assert plugin["description"]


def test_what_may_hold_keys_is_hidden_and_defaults_are_shown() -> None:
    [plugin] = yaml.safe_load(extractor(ABOUT))
    declared = {setting["name"]: setting for setting in plugin["settings"]}
    assert (declared["pii"]["value"], declared["page_size"]["value"]) == ("keep", 300)
    assert "value" not in declared["api_token"]
    for entry in plugins():
        hidden = {each["name"] for each in entry["settings"] if each.get("sensitive")}
        if entry["name"].startswith("tap-"):
            assert {"batch_config", "pii_salt"} <= hidden, entry["name"]


def test_the_lock_names_no_index_and_no_wrong_distribution() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "http" not in lock
    assert "\npython-backoff==" in lock
    assert "\nbackoff==" not in lock


def test_the_readme_names_only_commands_that_exist() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "--help"], check=True, capture_output=True, text=True
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = {
        line.split("run.py ")[1].split()[0].strip("`")
        for line in readme.splitlines()
        if "python3 run.py " in line
    }
    assert named >= {"sync", "test"}
    assert all(f"\n    {command} " in done.stdout for command in named)


def test_every_tap_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`{tap}`" in readme for tap in taps())
