"""Notes of a warehouse's table go to the vendor by the job that tap-pbx's README shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy
import yaml

from dev.layout import MELTANO_FILE, VENV
from tests.e2e.documented import block, commands, shell
from tests.pbx.syncing import serving

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.warehouse]

README = "tap-pbx/README.md"
TABLE = """
create schema analytics;
create table analytics.call_notes (
  "callUuid" text primary key, tenant_id text, "callFlagged" boolean, "callSeverity" integer,
  "callNotes" text, updated_at timestamptz
);
"""
ROW = "insert into analytics.call_notes values (:uuid, :tenant, :flag, :severity, :text, now())"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Add what the README shows to the checkout's project."""
    document = yaml.safe_load(MELTANO_FILE.read_text("utf-8"))
    shown = yaml.safe_load(block(README, "notes-back-hourly", "yaml"))
    for kind, plugins in shown.pop("plugins").items():
        document["plugins"][kind] += plugins
    for name, items in shown.items():
        document[name] += items
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(document))
    (tmp_path / ".venv").symlink_to(VENV)
    return tmp_path


def test_notes_go_back_from_a_table(project: Path, database: str, tmp_path: Path) -> None:
    engine = sqlalchemy.create_engine(database)
    with serving(tmp_path) as pbx, engine.begin() as connection:
        first, second = (pbx.vendor.store.tenants[tenant][-1] for tenant in ("0", "101"))
        kept = second.notes
        connection.execute(sqlalchemy.text(TABLE))
        for call, tenant, text in ((first, None, "Ring back: 50 % off, é"), (second, "101", None)):
            values = {
                "uuid": call.uuid,
                "tenant": tenant,
                "flag": True,
                "severity": 4,
                "text": text,
            }
            connection.execute(sqlalchemy.text(ROW), values)
        connection.commit()

        said = block(README, "run notes-back")
        exports = [line for line in commands(said) if line.startswith("export ")]
        # The tap wants a whole address; the socket's folder in the query wins.
        url = sqlalchemy.make_url(database).set(
            drivername="postgresql", host="localhost", password="none"
        )
        settings = {
            "TAP_POSTGRES_SQLALCHEMY_URL": url.render_as_string(hide_password=False),
            "TARGET_PBX_API_KEY": pbx.settings["api_key"],
            "TARGET_PBX_CONTAINER_ID": pbx.settings["container_id"],
        }
        assert {w.partition("=")[0] for e in exports for w in e.split()[1:]} == settings.keys()
        lines = "\n".join(line for line in commands(said) if line not in exports)
        # The home folder is kept for uv's cache.
        more = {"TARGET_PBX_API_URL": pbx.settings["api_url"], "HOME": os.environ["HOME"]}
        shell(lines, project, {**settings, **more})
        assert (first.notes, first.severity, first.flagged) == ("Ring back: 50 % off, é", 4, True)
        assert (second.notes, second.severity, second.flagged) == (kept, 4, True)
        assert len(pbx.vendor.notes) == 2
    engine.dispose()
