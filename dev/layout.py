"""Where things lie in the checkout, and which members are there."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
LOCK = ROOT / "requirements.lock"
AUDIT_LOCK = ROOT / "dev" / "audit.lock"
WAREHOUSE = ROOT / ".warehouse"
OUTPUT = ROOT / "output"
MELTANO_FILE = ROOT / "meltano.yml"


def executable(name: str) -> str:
    """Return the path of the executable `name` of the project's environment."""
    return str(VENV / "bin" / name)


def package_of(tap: str) -> str:
    """Return the import name of a tap (`tap-callgear` -> `tap_callgear`)."""
    return tap.replace("-", "_")


def taps() -> list[str]:
    """Return the taps that are there, sorted: folders with a pyproject.toml and a tap module."""
    return sorted(
        folder.name
        for folder in ROOT.glob("tap-*")
        if (folder / "pyproject.toml").is_file()
        and (folder / package_of(folder.name) / "tap.py").is_file()
    )


def members() -> dict[str, str]:
    """Return the folder of each installable member and its import name, libraries first."""
    found = {"shared": "tap_shared", "sandbox": "contact_sandbox"}
    found.update({tap: package_of(tap) for tap in taps()})
    return {
        folder: package
        for folder, package in found.items()
        if (ROOT / folder / "pyproject.toml").is_file() and (ROOT / folder / package).is_dir()
    }
