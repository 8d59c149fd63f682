"""The commands of `run.py`: their options, and what each one starts."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from dev import bootstrap
from dev.layout import AUDIT_LOCK, LOCK, ROOT, executable, members
from dev.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Command = Callable[[argparse.Namespace], int]


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the chosen command (`command`), its options, and what it passes on (`rest`)."""
    parser = argparse.ArgumentParser(prog="run.py", description="The project's commands.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    sync = commands.add_parser("sync", help="sync the taps into the warehouse")
    sync.add_argument(
        "taps", nargs="*", metavar="TAP", help="tap-callgear or callgear; default: all"
    )
    sync.add_argument("--to", choices=("postgres", "snowflake", "jsonl"), default="postgres")
    sync.add_argument("--full-refresh", action="store_true", help="read everything again")
    dagster = commands.add_parser("dagster", help="serve Dagster's page on backfills")
    dagster.add_argument("jobs", nargs="*", metavar="JOB", help="job files; default: the sandbox's")
    dagster.add_argument("--port", type=int, default=3000)
    for name, (_, text) in PASSING_ON.items():
        commands.add_parser(name, help=text, add_help=False)
    for name, (_, text) in PLAIN.items():
        commands.add_parser(name, help=text)
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command not in PASSING_ON:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    return options


def run(options: argparse.Namespace, arguments: list[str]) -> int:
    """Run the chosen command inside the project's environment and return its exit code."""
    try:
        bootstrap.enter(arguments)
        return _command(options.command)(options)
    except Problem as problem:
        print(f"run.py: {problem}", file=sys.stderr)
        return problem.code
    except KeyboardInterrupt:
        print("run.py: interrupted.", file=sys.stderr)
        return 130


def _command(name: str) -> Command:
    """Return what runs the command `name`."""
    own = {"sync": _sync, "dagster": _dagster}
    return own[name] if name in own else {**PASSING_ON, **PLAIN}[name][0]


def _sync(options: argparse.Namespace) -> int:
    """Sync the taps into a warehouse."""
    from dev.sync import sync  # noqa: PLC0415 - needs the environment

    return sync(options.taps, to=options.to, full_refresh=options.full_refresh)


def _dagster(options: argparse.Namespace) -> int:
    """Serve Dagster's page."""
    from dev.orchestrator import serve  # noqa: PLC0415 - needs the environment

    return serve(options.jobs, options.port)


def _test(options: argparse.Namespace) -> int:
    """Run the tests, a file a process; everything after `test` goes to pytest."""
    pytest = [executable("python"), "-m", "pytest"]
    if not {"-n", "-n0", "--pdb", "-x"} & set(options.rest):
        # Two more than there are cores, as many tests wait for servers; conftest.py orders them.
        pytest += ["-n", str((os.cpu_count() or 1) + 2)]
        pytest += ["--dist=loadfile", "--no-loadscope-reorder"]
    return _step("tests", [*pytest, *options.rest])


def _check(_: argparse.Namespace) -> int:
    """Run every static check; go on after a failed one, so that one run tells everything."""
    sources = [f"{folder}/{package}" for folder, package in members().items()]
    results = {
        "ruff check": _step("ruff check", [executable("ruff"), "check", "--output-format=concise"]),
        "ruff format": _step("ruff format", [executable("ruff"), "format", "--check"]),
        "mypy": _step("mypy", [executable("mypy"), "run.py", "dev", "tests", *sources]),
        "documentation": _documentation(rewrite=False),
    }
    failed = [name for name, code in results.items() if code]
    print(f"== checks: {'failed: ' + ', '.join(failed) if failed else 'all passed'}")
    return int(bool(failed))


def _docs(_: argparse.Namespace) -> int:
    """Rewrite the generated parts of the documentation."""
    return _documentation(rewrite=True)


def _documentation(*, rewrite: bool) -> int:
    """Compare or rewrite the generated parts of the documentation."""
    from dev.parity import differing, write  # noqa: PLC0415 - needs the environment

    print("== documentation", flush=True)
    found = write() if rewrite else differing()
    for path in found:
        print(f"{path.relative_to(ROOT)}: " + ("rewritten" if rewrite else "out of date"))
    if found and not rewrite:
        print("`python3 run.py docs` rewrites them.")
    return 0 if rewrite else int(bool(found))


def _bench(options: argparse.Namespace) -> int:
    """Race the taps against the floor and their peers."""
    return _step("benchmarks", [executable("python"), "-m", "tests.benchmarks", *options.rest])


def _soak(options: argparse.Namespace) -> int:
    """Sync every tap hour by hour on a simulated clock while everything goes wrong."""
    return _step("soak", [executable("python"), "-m", "tests.soak", *options.rest])


def _fuzz(options: argparse.Namespace) -> int:
    """Feed the decoders, the settings and whole streams with hostile input."""
    return _step("fuzz", [executable("python"), "-m", "tests.fuzz", *options.rest])


def _sandbox(options: argparse.Namespace) -> int:
    """Serve the imitated vendors until interrupted; print the environment for the taps."""
    print("# Serving the imitated vendors; Ctrl-C ends it. The taps' environment:")
    sys.stdout.flush()
    python = executable("python")
    os.execv(python, [python, "-m", "contact_sandbox", *options.rest])  # noqa: S606


def _psql(options: argparse.Namespace) -> int:
    """Open psql on the embedded warehouse."""
    from dev.warehouse import EmbeddedPostgres  # noqa: PLC0415 - needs the environment

    with EmbeddedPostgres() as server:
        return subprocess.run([*server.psql(), *options.rest], check=False).returncode


def _audit(options: argparse.Namespace) -> int:
    """Check hashes and licences, and look for known vulnerabilities."""
    from dev.audit import audit  # noqa: PLC0415 - needs the environment

    return audit(options.rest)


def _lock(_: argparse.Namespace) -> int:
    """Resolve the newest versions that fit into the locks."""
    sources = [f"{folder}/pyproject.toml" for folder in ("shared", "sandbox")]
    code = _resolve(LOCK, "build", "elt", "test", "lint", sources=sources)
    # Of what both have, one version: pip-audit reads them together.
    return code or _resolve(AUDIT_LOCK, "audit", sources=["--constraint", str(LOCK)])


def _resolve(lock: Path, *groups: str, sources: Sequence[str] = ()) -> int:
    """Resolve groups of dependencies, and what other files say of them, into a lock."""
    command = [str(bootstrap.uv()), "pip", "compile", "--quiet", "--universal", "--no-annotate"]
    command += ["--python-version", "3.11", "--generate-hashes", "--upgrade"]
    command += ["--custom-compile-command", "python3 run.py lock", "-o", str(lock)]
    for group in groups:
        command += ["--group", group]
    return _step(f"lock: {lock.relative_to(ROOT)}", [*command, *sources])


def _step(title: str, command: list[str]) -> int:
    """Announce and run a command in the project's root; return its exit code."""
    print(f"== {title}", flush=True)
    environment = {**os.environ, "PATH": f"{executable('')}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, check=False, cwd=ROOT, env=environment).returncode


PASSING_ON: dict[str, tuple[Command, str]] = {
    "test": (_test, "run the tests; further arguments go to pytest"),
    "bench": (_bench, "race the taps against the floor and their peers; --help tells how"),
    "soak": (_soak, "a month of hourly syncs under fire: --tap X, --days N, --hours N, --seed S"),
    "fuzz": (_fuzz, "hostile input for decoders and settings: --target X, --seconds N, --seed S"),
    "audit": (_audit, "check the locks, look for known vulnerabilities; arguments go to pip-audit"),
    "sandbox": (_sandbox, "serve the imitated vendors and print the taps' environment"),
    "psql": (_psql, "open psql on the embedded warehouse; further arguments go to psql"),
}
PLAIN: dict[str, tuple[Command, str]] = {
    "check": (_check, "ruff, format, mypy, and documentation against the taps"),
    "docs": (_docs, "rewrite the generated parts of READMEs, plugin files and .env.example"),
    "lock": (_lock, "resolve requirements.lock and dev/audit.lock anew"),
}
