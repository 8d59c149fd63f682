"""The lock is whole, and what it brings may be used; everything here works offline."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata

import pytest

from dev.layout import LOCK, ROOT

_PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)==[^\s;]+(?: ; [^\\]+?)? \\")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")

ALLOWED = re.compile(
    r"MIT|MIT-0|MIT License|Apache-2\.0|Apache Software License|Apache License.*|BSD.*|ISC.*|"
    r"PSF-2\.0|Python Software Foundation License|MPL-2\.0|Mozilla Public License 2\.0.*|"
    r"CNRI-Python|Unlicense|0BSD|Zlib|Public Domain|DFSG approved|PostgreSQL( License)?|AFL-2\.1"
)
"""Licences that may be linked with Apache-2.0 code without any further condition."""

WEAK_COPYLEFT = {"psycopg", "psycopg-binary", "psycopg2-binary", "paramiko"}
"""LGPL: used as separate, replaceable packages, by loaders only, not by the taps."""

_FIELDS = ("License-Expression", "License")


def entries() -> list[list[str]]:
    """Give each package's lines."""
    found: list[list[str]] = []
    for line in LOCK.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        if not line.startswith(" "):
            found.append([])
        found[-1].append(line)
    return found


def names() -> list[str]:
    return [line[0].partition("==")[0] for line in entries()]


def test_every_package_is_pinned_and_hashed() -> None:
    assert len(entries()) > 50
    for head, *hashes in entries():
        assert _PIN.fullmatch(head), head
        assert hashes, head
        assert all(_HASH.fullmatch(line) for line in hashes), head
        assert [line.endswith("\\") for line in hashes] == [True] * (len(hashes) - 1) + [False]


def test_the_lock_names_no_host() -> None:
    text = LOCK.read_text("utf-8")
    for word in ("://", "index-url", "find-links", "trusted-host", "@ "):
        assert word not in text, word


def licences(name: str) -> list[str]:
    """Give the licences that an installed package declares."""
    told = metadata(name)
    (expression, free) = ((told.get_all(field) or [""])[0] for field in _FIELDS)
    text = expression or "; ".join(
        line.rpartition("::")[2].strip()
        for line in told.get_all("Classifier") or []
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    )
    text = text or free.partition("\n")[0]
    return [part.strip(" ()") for part in re.split(r" OR | AND |;", text) if part.strip(" ()")]


@pytest.mark.parametrize("name", names())
def test_the_licence_of_what_is_installed_is_allowed(name: str) -> None:
    try:
        found = licences(name)
    except PackageNotFoundError:
        assert ";" in next(head for head, *_ in entries() if head.startswith(f"{name}=="))
        return
    assert found, "it declares no licence"
    if name in WEAK_COPYLEFT:
        assert all("LGPL" in each or "Lesser General Public" in each for each in found)
        return
    assert [each for each in found if not ALLOWED.fullmatch(each)] == []


def test_security_is_described() -> None:
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    for folder in ROOT.glob("tap-*"):
        assert f"| {folder.name} |" in text
