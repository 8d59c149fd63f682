"""Serves every vendor on the loopback interface and prints the environment for the taps."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from contact_sandbox.faults import Faults
from contact_sandbox.registry import vendor_class, vendor_names
from contact_sandbox.server import Server


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    options = _parser().parse_args(arguments)
    names = options.vendors or vendor_names()
    vendors = [vendor_class(name)(seed=options.seed, days=options.days) for name in names]
    faults = Faults(rate=options.faults, seed=options.seed)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with Server(
        vendors, faults=faults, latency=options.latency, port_base=options.port_base
    ) as server:
        text = "".join(f"{line}\n" for name in names for line in environment(server, name))
        if options.env_file:
            options.env_file.write_text(text, encoding="utf-8")
        sys.stdout.write(text)
        sys.stdout.flush()
        done.wait()
    return 0


def environment(server: Server, vendor: str) -> list[str]:
    """Return `TAP_<VENDOR>_<SETTING>=<value>` for each setting; objects and arrays as JSON."""
    return [
        f"TAP_{vendor.upper()}_{name.upper()}="
        + (value if isinstance(value, str) else json.dumps(value))
        for name, value in server.settings(vendor).items()
    ]


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m contact_sandbox", description=__doc__)
    parser.add_argument("vendors", nargs="*", help="vendors to serve (default: all)")
    parser.add_argument("--port-base", type=int, default=0, help="first port (default: free ones)")
    parser.add_argument("--faults", type=float, default=0.0, metavar="RATE", help="0 to 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=90, help="days of history")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds a request")
    parser.add_argument("--env-file", type=Path, help="also write the environment here")
    return parser


if __name__ == "__main__":
    sys.exit(main())
