"""`run.py audit`: the locks' hashes and licences, and known vulnerabilities of what they pin."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dev.layout import AUDIT_LOCK, LOCK
from dev.own_environment import own_environment
from dev.supply_chain import names, unlicensed, unsafe

if TYPE_CHECKING:
    from collections.abc import Sequence

UNKNOWN = 3
"""The exit code where no source of advisories answered for every package."""

CANARY = "django==1.2"
"""What every source of advisories knows to be vulnerable: one that does not is none."""

_CANARY = f"{CANARY} --hash=sha256:{'0' * 64}\n"


def audit(arguments: Sequence[str], locks: Sequence[Path] = (LOCK, AUDIT_LOCK)) -> int:
    """Check the locks and say what is wrong.

    Args:
        arguments: What pip-audit is told beside, such as `-s osv`.
        locks: The locks.

    Returns:
        0 where all is well, 1 where something was found, 3 where nothing was found but nobody
        could be asked for vulnerabilities.
    """
    wrong = [*(text for lock in locks for text in unsafe(lock)), *unlicensed(LOCK)]
    count = sum(len(names(lock)) for lock in locks)
    for text in wrong:
        print(f"audit: {text}.")
    if not wrong:
        print(f"audit: {count} packages are pinned and hashed, with licences that are allowed.")
    code = look_up(locks, arguments)
    return 1 if wrong else code


def look_up(locks: Sequence[Path], arguments: Sequence[str]) -> int:
    """Ask a source of advisories for every pin that applies here, and say what it knows."""
    try:
        found = _answer(locks, arguments)
    except LookupError as error:
        print(
            f"audit: whether a pinned package has a known vulnerability is NOT known: {error}. "
            "Run this where a source of advisories can be reached, or ask another (-s osv)."
        )
        return UNKNOWN
    bad = [(package, hole) for package in found for hole in package["vulns"]]
    for package, hole in bad:
        known_as = ", ".join([hole["id"], *hole["aliases"]])
        mended = ", ".join(hole["fix_versions"]) or "no version yet"
        print(f"audit: {package['name']} {package['version']}: {known_as}; mended in {mended}.")
    if not bad:
        print(f"audit: none of the {len(found)} packages used here has a known vulnerability.")
    return int(bool(bad))


def _answer(locks: Sequence[Path], arguments: Sequence[str]) -> list[dict[str, Any]]:
    """Return what pip-audit learnt of each package.

    Raises:
        LookupError: The source gave no answer, not for all, or none that can be believed.
    """
    how = ("sync", "--require-hashes", str(AUDIT_LOCK))
    made_from = AUDIT_LOCK.read_text(encoding="utf-8")
    program = own_environment("audit", *how, made_from=made_from) / "pip-audit"
    with TemporaryDirectory() as folder:
        canary = Path(folder) / "canary.txt"
        canary.write_text(_CANARY, encoding="utf-8")
        files = [word for path in (*locks, canary) for word in ("--requirement", str(path))]
        options = ["--require-hashes", "--disable-pip", "--format=json", "--progress-spinner=off"]
        done = subprocess.run(
            [str(program), *options, "--aliases=on", *files, *arguments],
            check=False, capture_output=True, text=True, env=dict(os.environ),
        )  # fmt: skip
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        raise LookupError(_reason(done.stderr)) from None
    without = [package["name"] for package in found if "skip_reason" in package]
    if without:
        raise LookupError(f"the source does not know {len(without)} of {len(found)} packages")
    [canary_found] = [each for each in found if f"{each['name']}=={each['version']}" == CANARY]
    if not canary_found["vulns"]:
        raise LookupError(f"the source lists no vulnerability of {CANARY}, which has many")
    return [package for package in found if package is not canary_found]


def _reason(said: str) -> str:
    """Return why pip-audit gave no answer: the last error that says more than its name."""
    lines = [line.strip(" .") for line in said.splitlines() if line.strip()]
    parts = [line.partition(": ") for line in lines]
    errors = [text for name, _, text in parts if name.endswith("Error") and text]
    return (errors or lines or ["pip-audit says nothing"])[-1]
