"""What a lock brings: whether it is pinned and hashed, and may be used. It works offline."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)==[^\s;]+(?: ; [^\\]+?)? \\")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
_HOSTS = ("://", "index-url", "find-links", "trusted-host", "@ ")

ALLOWED = re.compile(
    r"MIT|MIT-0|MIT License|Apache-2\.0|Apache Software License|Apache License.*|BSD.*|ISC.*|"
    r"PSF-2\.0|Python Software Foundation License|MPL-2\.0|Mozilla Public License 2\.0.*|"
    r"CNRI-Python|Unlicense|0BSD|Zlib|Public Domain|DFSG approved|PostgreSQL( License)?|AFL-2\.1"
)
"""Licences that may be linked with Apache-2.0 code without any further condition."""

WEAK_COPYLEFT = {"psycopg", "psycopg-binary", "psycopg2-binary", "paramiko"}
"""LGPL: used as separate, replaceable packages, by loaders only, not by the taps."""

_LGPL = re.compile(r".*(LGPL|Lesser General Public).*")
_FIELDS = ("License-Expression", "License")


def entries(lock: Path) -> list[list[str]]:
    """Give each package's lines: its pin, then its hashes."""
    found: list[list[str]] = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        if not line.startswith(" "):
            found.append([])
        found[-1].append(line)
    return found


def names(lock: Path) -> list[str]:
    """Give the names of the packages."""
    return [head.partition("==")[0] for head, *_ in entries(lock)]


def unsafe(lock: Path) -> list[str]:
    """Say what in a lock is not pinned, not hashed, or names a place to install from."""
    text = lock.read_text(encoding="utf-8")
    found = [f"{lock.name} names a place to install from ('{w}')" for w in _HOSTS if w in text]
    for head, *hashes in entries(lock):
        if not _PIN.fullmatch(head):
            found.append(f"{lock.name} does not pin '{head.split()[0]}' to a version with hashes")
        goes_on = [line.endswith("\\") for line in hashes]
        if not all(map(_HASH.fullmatch, hashes)) or goes_on != [True] * (len(hashes) - 1) + [False]:
            found.append(f"{lock.name} has no whole list of SHA-256 hashes of '{head.split()[0]}'")
    return found


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


def unlicensed(lock: Path) -> list[str]:
    """Say which packages of a lock may not be used, of those that are installed here."""
    found = []
    for head, *_ in entries(lock):
        name = head.partition("==")[0]
        try:
            declared = licences(name)
        except PackageNotFoundError:
            if ";" not in head:
                found.append(f"{name} of {lock.name} is not installed, so its licence is not known")
            continue
        allowed = _LGPL if name in WEAK_COPYLEFT else ALLOWED
        if not declared:
            found.append(f"{name} declares no licence")
        found += [f"{name} has the licence '{x}'" for x in declared if not allowed.fullmatch(x)]
    return found
