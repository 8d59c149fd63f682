"""The locks are whole, and what they bring may be used; everything here works offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev import supply_chain
from dev.layout import AUDIT_LOCK, LOCK, ROOT
from dev.supply_chain import entries, names, unlicensed, unsafe

HASH = f"    --hash=sha256:{'0' * 64}"


@pytest.mark.parametrize("lock", [LOCK, AUDIT_LOCK], ids=lambda path: path.name)
def test_every_package_is_pinned_and_hashed_and_no_host_is_named(lock: Path) -> None:
    assert unsafe(lock) == []
    assert len(entries(lock)) > 20
    assert all(len(lines) > 1 for lines in entries(lock))


def test_the_licence_of_what_is_installed_is_allowed() -> None:
    assert unlicensed(LOCK) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"one>=1 \\\n{HASH}\n", "does not pin 'one>=1'"),
        ("one==1\n", "does not pin 'one==1'"),
        ("one==1 \\\n", "no whole list of SHA-256 hashes of 'one==1'"),
        ("one==1 \\\n    --hash=md5:00\n", "no whole list of SHA-256 hashes of 'one==1'"),
        (f"one==1 \\\n{HASH} \\\n", "no whole list of SHA-256 hashes of 'one==1'"),
        (f"one==1 \\\n{HASH}\n{HASH}\n", "no whole list of SHA-256 hashes of 'one==1'"),
        ("one @ file:///x \\\n", "names a place to install from ('://')"),
        (f"--index-url x\none==1 \\\n{HASH}\n", "names a place to install from ('index-url')"),
    ],
)
def test_a_lock_that_is_not_whole_is_told(text: str, told: str, tmp_path: Path) -> None:
    (lock := tmp_path / "requirements.lock").write_text(text)
    assert any(told in found for found in unsafe(lock)), unsafe(lock)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        (["GPL-3.0-only"], ["one has the licence 'GPL-3.0-only'"]),
        (["MIT", "SSPL-1.0"], ["one has the licence 'SSPL-1.0'"]),
        (["LGPL-3.0-only"], ["one has the licence 'LGPL-3.0-only'"]),
        ([], ["one declares no licence"]),
        (["MIT", "BSD-3-Clause"], []),
    ],
)
def test_a_licence_that_is_not_allowed_is_told(
    declared: list[str], told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lock := tmp_path / "requirements.lock").write_text(f"one==1 \\\n{HASH}\n")
    monkeypatch.setattr(supply_chain, "licences", {"one": declared}.__getitem__)
    assert unlicensed(lock) == told


def test_what_is_not_installed_is_told_unless_it_is_for_other_machines(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"not-there==1 \\\n{HASH}\nelsewhere==1 ; sys_platform == 'win32' \\\n{HASH}\n")
    assert names(lock) == ["not-there", "elsewhere"]
    [told] = unlicensed(lock)
    assert told.startswith("not-there of requirements.lock is not installed")


def test_security_is_described() -> None:
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    for folder in ROOT.glob("tap-*"):
        assert f"| {folder.name} |" in text
