"""Every tap through every failure at DEBUG; then all that it wrote is searched for what is secret.

Secrets are searched in every form in which they travel; personal data, taken from a good run's
records by the schemas' own tags, in what was logged.
"""

from __future__ import annotations

import random
import re
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from contact_sandbox import Faults, Reply, Request
from tests.contract.bench import Bench, serve
from tests.contract.interface import SECRETS
from tests.contract.runner import Run, installed_taps
from tests.hostile.leaks import forms, leaked, private_texts, secrets_of
from tests.soak.running import Ended, Forked

NASTY = "sandbox/+=%&\"\\ key'~"
SALT = "sandbox-salt/+=?"
_INPUT = re.compile(r"\d+\.json")
_MOST = 600

Handle = Callable[[Request], Reply]


@dataclass
class Source:
    """A tap, its vendor, and what must not be told."""

    bench: Bench
    runner: Forked
    handle: Handle
    data: list[str] = field(default_factory=list)

    def config(self, *, nasty: bool) -> dict[str, Any]:
        """Give a whole config whose secrets are hard to hide, or those that the vendor accepts."""
        bench = self.bench
        found = {**bench.config, "max_attempts": 2, "pii": "hash", "pii_salt": SALT}
        found |= {"request_timeout": 5}
        if nasty:
            found |= {name: NASTY for name in SECRETS[bench.name] if name in bench.config}
        return found

    def run(self, config: dict[str, Any], *more: str, **fate: Any) -> Ended:
        """Run all streams."""
        arguments = self.bench.tap.arguments(config, *more, catalog=self.bench.catalog())
        return self.runner.run(arguments, datetime.now(UTC), **fate)

    def check(self, run: Ended, config: dict[str, Any]) -> None:
        """Search everything that a run wrote."""
        bench, folder = self.bench, self.bench.tap.folder
        written = run.stderr + "".join(
            path.read_text("utf-8", "replace")
            for path in folder.rglob("*")
            if path.is_file() and not _INPUT.fullmatch(path.name)
        )
        assert len(written) > 200
        assert leaked(written, secrets_of(bench, config)) == []
        for text in self.data:
            assert text not in run.stderr, text
        assert "Traceback" not in "".join(
            line for line in run.stderr.splitlines() if "| ERROR " in line
        )


@pytest.fixture(scope="module", params=installed_taps())
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Source]:
    """Serve one tap's vendor, and learn its personal data."""
    folder = tmp_path_factory.mktemp(request.param)
    with (
        serve(request.param, folder) as bench,
        Forked(bench.tap, level="DEBUG") as runner,
    ):
        found = Source(bench, runner, bench.vendor.handle)
        good = found.run(bench.config)
        assert good.code == 0, good.stderr[-2000:]
        run = Run(good.code, good.lines, good.stderr)
        told = private_texts(bench, {one: run.records(one) for one in run.streams}, SALT, NASTY)
        assert told
        chance = random.Random(request.param)  # noqa: S311 - no secret
        found.data = chance.sample(told, min(len(told), _MOST))
        yield found


@pytest.fixture(autouse=True)
def healthy(source: Source) -> Iterator[None]:
    """Give the vendor its own behaviour back."""
    yield
    source.bench.vendor.handle = source.handle  # type: ignore[assignment,method-assign]
    source.bench.server.faults = Faults()
    source.bench.server.latency = 0.0


def replace(source: Source, handle: Handle) -> None:
    source.bench.vendor.handle = handle  # type: ignore[assignment,method-assign]


def echo(status: int) -> Handle:
    """Answer with all that was sent."""

    def answer(request: Request) -> Reply:
        said = {"error": request.target, "headers": dict(request.headers), "status": "error",
                "message": request.body.decode(errors="replace") + request.target}  # fmt: skip
        head = {"X-Request-Id": request.headers.get("authorization", request.target)[:200]}
        return Reply(status, said, {k: v for k, v in head.items() if v.isprintable()})

    return answer


@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
def test_a_vendor_that_echoes_the_request(source: Source, status: int) -> None:
    replace(source, echo(status))
    config = source.config(nasty=True)
    run = source.run(config, signal=signal.SIGTERM, seconds=0.8)
    assert run.code
    source.check(run, config)


@pytest.mark.parametrize("status", [400, 500])
def test_a_refusal_that_holds_the_rows(source: Source, status: int) -> None:
    asked = 0

    def answer(request: Request) -> Reply:
        nonlocal asked
        asked += 1
        reply = source.handle(request)
        return reply if asked <= 12 else Reply(status, reply.body, reply.headers)

    replace(source, answer)
    config = source.config(nasty=False)
    run = source.run(config, signal=signal.SIGTERM, seconds=0.8)
    assert run.code
    source.check(run, config)


def test_a_wrong_key(source: Source) -> None:
    config = source.config(nasty=True)
    run = source.run(config)
    assert run.code == 2
    source.check(run, config)


def test_faults_of_all_kinds(source: Source) -> None:
    source.bench.server.faults = Faults(rate=0.4, seed=3)
    config = source.config(nasty=False)
    source.check(source.run(config, signal=signal.SIGTERM, seconds=1.5), config)


def test_a_dead_host(source: Source) -> None:
    with socket.socket() as deaf:  # bound, so that nobody else gets the port, but not listening
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        here = source.bench.server.url(source.bench.name)
        config = {k: url if v == here else v for k, v in source.config(nasty=True).items()}
        run = source.run(config)
    assert run.code
    source.check(run, config)


@pytest.mark.parametrize(
    "wrong",
    [{"start_date": "soon"}, {"window": 5}, {"api_url": f"https://u:{quote(NASTY, safe='')}@h"},
     {"pii": "no"}, {"user_agent": f"agent {NASTY}\n"}],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_bad_settings(source: Source, wrong: dict[str, Any]) -> None:
    config = {**source.config(nasty=True), **wrong}
    run = source.run(config)
    assert run.code == 2, run.stderr
    source.check(run, config)


def test_a_bad_state(source: Source) -> None:
    config = source.config(nasty=False)
    file = source.bench.tap.file({"bookmarks": {"x": {"replication_key_value": NASTY}}})
    run = source.run(config, "--state", file)
    assert run.code == 2
    source.check(run, config)


def test_a_signal(source: Source) -> None:
    source.bench.server.latency = 0.05
    config = source.config(nasty=False)
    run = source.run(config, signal=signal.SIGTERM, seconds=0.8)
    assert run.code == 128 + signal.SIGTERM
    source.check(run, config)


def test_the_search_finds_what_is_there(source: Source) -> None:
    config = source.config(nasty=True)
    name = next(name for name in SECRETS[source.bench.name] if name in source.bench.config)
    for form in forms(str(config[name])):
        with pytest.raises(AssertionError):
            source.check(Ended(0, [], "x" * 300 + form, 0), config)
    with pytest.raises(AssertionError):
        source.check(Ended(0, [], "x" * 300 + source.data[0], 0), config)
