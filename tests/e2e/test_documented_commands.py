"""Every command that the documentation shows is run by a test, word for word where it can be."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dev.layout import MELTANO_FILE, ROOT, VENV, executable
from tests.contract.bench import Bench, serve
from tests.contract.runner import installed_taps
from tests.e2e.documented import DOCUMENTS, block, blocks, commands, shell
from tests.e2e.tables import Tables
from tests.sandbox.client_environments import client_python

CLONE = "tests/e2e/test_standalone.py::test_the_commands_of_a_clone"
PIPE = "tests/e2e/test_standalone.py::test_the_readmes_pipe_and_state_files"
HERE = "tests/e2e/test_documented_commands.py"
MELTANO = f"{HERE}::test_the_readmes_meltano_commands"
README = f"{HERE}::test_a_taps_readme_runs_it"
INSTALL = f"{HERE}::test_pip_installs_the_library_and_a_tap_together"
BACKFILL = f"{HERE}::test_a_backfill_from_its_page"
DAGSTER = "tests/e2e/test_dagster_page.py::test_the_page_is_served_until_it_is_interrupted"
NOTES = "tests/e2e/test_notes_back.py::test_notes_go_back_from_a_table"

RUN_BY: dict[str, tuple[str, ...]] = {
    CLONE: (
        "python3 run.py sync",
        "python3 run.py test",
        r"python3 run.py psql -c '\dt sandbox_tap_*.*'",
        "python3 run.py sync callgear",
        "python3 run.py sync --full-refresh",
        "python3 run.py sync --to jsonl",
        "cp .env.example .env",
        "python3 run.py sync interactions",
        "export TAP_INTERACTIONS_API_KEY='...' TAP_INTERACTIONS_START_DATE=2026-01-01",
    ),
    PIPE: (
        "tap-callgear --config config.json --discover > catalog.json",
        "tap-callgear --config config.json --test",
        "tap-callgear --config config.json --catalog catalog.json | target-jsonl > state.out",
        "tail -n 1 state.out > state.json",
        (
            "tap-callgear --config config.json --catalog catalog.json --state state.json"
            " | target-jsonl >> state.out"
        ),
    ),
    INSTALL: ("pip install -e ./shared -e ./tap-callgear",),
    MELTANO: (
        ".venv/bin/meltano --environment=prod run tap-callgear target-postgres",
        ".venv/bin/meltano --environment=prod run sync-all",
        (
            ".venv/bin/meltano install loader target-snowflake"
            " && .venv/bin/meltano run tap-callgear target-snowflake"
        ),
        ".venv/bin/meltano select tap-callgear chat_messages '*'",
    ),
    README: (
        "tap-callgear --config config.json --catalog catalog.json > records.jsonl",
        "tap-dixa --config config.json --discover > catalog.json",
        "tap-dixa --config config.json --test",
        "tap-dixa --config config.json --catalog catalog.json > records.jsonl",
        "tap-infinity --config config.json --discover > catalog.json",
        "tap-infinity --config config.json --test",
        "tap-infinity --config config.json --catalog catalog.json > records.jsonl",
        ".venv/bin/tap-interactions --config config.json --discover > catalog.json",
        ".venv/bin/tap-interactions --config config.json --test",
        ".venv/bin/tap-interactions --config config.json --catalog catalog.json > records.jsonl",
        "export TAP_PBX_API_KEY=...",
        "export TAP_PBX_CONTAINER_ID=123456",
        "export TAP_PBX_START_DATE=2026-01-01",
        "tap-pbx --config=ENV --discover > catalog.json",
        "tap-pbx --config=ENV --test",
        "tap-pbx --config=ENV --catalog catalog.json > records.jsonl",
    ),
    BACKFILL: (
        "tap-backfill prime JOB",
        "tap-backfill plan JOB",
        "tap-backfill run JOB",
        "tap-backfill missing JOB",
        "tap-backfill done JOB",
        "tap-backfill seal JOB --account north",
        "until tap-backfill missing JOB --quiet; do tap-backfill run JOB || sleep 60; done",
        (
            "meltano state set --force prod:tap-infinity-to-target-postgres:north"
            ' "$(tap-backfill seal JOB --account north)"'
        ),
        (
            "tap-backfill seal JOB --account north > state.json"
            " && tap-infinity --config north.json --state state.json"
        ),
    ),
    DAGSTER: ("python3 run.py dagster", "python3 run.py dagster JOB [JOB ...] --port 3000"),
    NOTES: (
        "export TAP_POSTGRES_SQLALCHEMY_URL=postgresql://user:password@host:5432/database",
        "export TARGET_PBX_API_KEY=... TARGET_PBX_CONTAINER_ID=123456",
        ".venv/bin/meltano install extractor tap-postgres",
        ".venv/bin/meltano run notes-back",
    ),
}
"""Which test runs which command."""


def test_every_command_of_the_documentation_is_accounted_for() -> None:
    shown = {c for path in DOCUMENTS for text in blocks(str(path)) for c in commands(text)}
    listed = [command for found in RUN_BY.values() for command in found]
    assert len(listed) == len(set(listed))
    assert shown == set(listed)


@pytest.mark.parametrize("name", RUN_BY)
def test_what_runs_them_exists(name: str) -> None:
    path, _, test = name.partition("::")
    assert re.search(rf"^def {test}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)


def test_no_command_hides_in_a_block_without_a_language() -> None:
    assert [str(path) for path in DOCUMENTS if blocks(str(path), "")] == []


def test_every_command_of_run_py_that_is_named_exists() -> None:
    done = subprocess.run(
        [executable("python"), str(ROOT / "run.py"), "--help"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    named = {
        word
        for path in DOCUMENTS
        for word in re.findall(r"python3 run\.py ([a-z]+)", path.read_text("utf-8"))
    }
    assert named >= {"sync", "test", "check", "docs", "lock", "sandbox"}
    assert [word for word in sorted(named) if f"\n    {word} " not in done.stdout] == []


def variables(source: Bench) -> dict[str, str]:
    """Give a tap's settings as variables."""
    return {
        f"TAP_{source.name.upper()}_{name.upper()}": v if isinstance(v, str) else json.dumps(v)
        for name, v in source.config.items()
    }


def messages_of(text: str) -> list[dict[str, Any]]:
    """Read messages; a text in them may hold a line separator of Unicode's, as it is."""
    return [json.loads(line) for line in text.split("\n") if line]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give the root of a project as the checkout's is, for Meltano's files to lie in."""
    (tmp_path / "meltano.yml").write_bytes(MELTANO_FILE.read_bytes())
    (tmp_path / ".venv").symlink_to(VENV)
    return tmp_path


LISTS = {
    "callgear": "tags", "dixa": "teams", "infinity": "channels", "interactions": "queues",
    "pbx": "event_types",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.warehouse
@pytest.mark.timeout(900)  # many programs, one after the other
def test_the_readmes_meltano_commands(project: Path, database: str) -> None:
    one, every, snowflake, select = commands(block("README.md", "meltano select"))
    assert one in commands(block("docs/production.md", "meltano"))
    assert LISTS.keys() == set(installed_taps())
    environment = {"TARGET_POSTGRES_SQLALCHEMY_URL": database, "HOME": os.environ["HOME"]}
    with ExitStack() as stack:
        for name, stream in LISTS.items():
            (folder := project / name).mkdir()
            source = stack.enter_context(serve(name, folder, days=5))
            environment |= variables(source)
            environment[f"TAP_{name.upper()}__SELECT"] = json.dumps([f"{stream}.*"])
        shell(one, project, environment)
        assert Tables(database, "tap_callgear").rows("tags")
        shell(every, project, environment)
        for name, stream in LISTS.items():
            assert Tables(database, f"tap_{name}").rows(stream), name

        install, run = snowflake.split(" && ")
        shell(install, project, environment)
        # Nobody has an account: the loader starts, and says what it lacks.
        lacking = shell(f"{run} && exit 9 || true", project, environment)
        assert "'user' is a required property" in lacking.stdout + lacking.stderr
    shell(select, project, environment)
    assert "chat_messages.*" in (project / "meltano.yml").read_text("utf-8")


@pytest.fixture(params=installed_taps())
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    with serve(request.param, tmp_path_factory.mktemp(request.param), days=5) as served:
        yield served


@pytest.mark.slow
def test_a_taps_readme_runs_it(source: Bench, project: Path) -> None:
    """With the imitation's settings in place of those left out, and no other file given."""
    tap = f"tap-{source.name}"
    found = [text for text in blocks(f"{tap}/README.md") if re.search(rf"{tap} --config", text)]
    assert found
    (project / "config.json").write_text(json.dumps(source.config))
    environment = {"PATH": f"{executable('')}{os.pathsep}{os.environ['PATH']}"}
    given = variables(source)
    for text in found:
        lines = [line for line in commands(text) if not line.startswith("export ")]
        set_here = {w.split("=")[0] for line in commands(text) for w in line.split()[1:2]}
        exported = {name for name in set_here if name.startswith("TAP_")}
        assert exported <= given.keys()
        said = shell("\n".join(lines), project, {**environment, **given}).stdout
        if (file := project / "records.jsonl").exists():
            said += file.read_text("utf-8")
        messages = messages_of(said)
        assert {"SCHEMA", "RECORD", "STATE"} <= {message["type"] for message in messages}


@pytest.mark.slow
@pytest.mark.network
def test_pip_installs_the_library_and_a_tap_together(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "shared" / "pyproject.toml").read_text("utf-8"))["project"]
    # What they depend on is there already, so that this is about the two alone.
    python = client_python("pip", "pip", *project["dependencies"])
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    checkout = tmp_path / "checkout"
    git = str(shutil.which("git"))
    subprocess.run([git, "clone", "-q", str(ROOT), str(checkout)], check=True)
    shell(block("README.md", "pip install"), checkout, {"PATH": path, "HOME": os.environ["HOME"]})
    said = shell("tap-callgear --version", tmp_path, {"PATH": path})
    assert "tap-callgear v" in said.stdout + said.stderr


@pytest.mark.slow
def test_a_backfill_from_its_page(project: Path) -> None:
    page = "docs/backfill.md"
    job: dict[str, Any] = json.loads(block(page, '"tap-infinity"', "json"))
    with serve("infinity", project, days=5) as vendor:
        (project / "north.json").write_text(json.dumps(vendor.config))
        end = vendor.vendor.now.replace(hour=0, minute=0, second=0)
        job |= {
            "target": "sh -c 'cat >> loaded.jsonl'", "ledger": "ledger",
            "start_date": str(vendor.config["start_date"])[:10], "end_date": f"{end:%Y-%m-%d}",
            "accounts": {"north": {"config": ["north.json"]}},
        }  # fmt: skip
        (project / "job.json").write_text(json.dumps(job))
        environment = {"PATH": f"{executable('')}{os.pathsep}{os.environ['PATH']}"}

        def run(command: str) -> str:
            return shell(command.replace("JOB", "job.json"), project, environment).stdout

        prime, plan, work, missing, done, seal = commands(block(page, "tap-backfill prime"))
        run(prime)
        planned = run(plan).splitlines()
        assert planned
        run(work)
        assert run(missing) == ""
        assert len(run(done).splitlines()) == len(planned)
        state = json.loads(run(seal))
        assert state["singer_state"]["bookmarks"].keys() == set(job["streams"])
        run(block(page, "until tap-backfill"))

        keep, hand_over = commands(block(page, "meltano state set"))
        run(keep)
        kept = run("meltano state get prod:tap-infinity-to-target-postgres:north")
        assert json.loads(kept.splitlines()[-1]) == state
        lines = messages_of(run(hand_over))
        marks = state["singer_state"]["bookmarks"]
        assert lines[0]["type"] == "STATE"
        assert {name: lines[0]["value"]["bookmarks"][name] for name in marks} == marks
