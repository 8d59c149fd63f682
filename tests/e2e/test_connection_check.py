"""`--test` tells in one line what is wrong, or that all is well."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from contact_sandbox import Reply, Request
from tests.contract.bench import Bench, serve
from tests.contract.cases import CASES
from tests.contract.runner import Run, installed_taps
from tests.shared.raw_server import RawServer, reply

PAGE = b"<html><body>Please log in</body></html>"
UNTRUSTED = "is not accepted (self-signed certificate; where a proxy has an authority of its own"


@pytest.fixture(scope="module", params=installed_taps())
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """Serve one tap's vendor, whose data nobody changes."""
    with serve(request.param, tmp_path_factory.mktemp(request.param)) as served:
        yield served


def verdict(run: Run, level: str) -> str:
    """Give the one line that a check ends with; nothing else may be said or printed."""
    assert not run.lines
    assert "Traceback" not in run.stderr
    said = run.said(level)
    assert len(said) == 1, run.stderr
    return said[0]


def chosen(source: Bench) -> list[str]:
    return [
        name
        for name in source.streams
        if source.facts(name).selected in source.config or source.facts(name).selected is True
    ]


def test_all_is_well(source: Bench) -> None:
    source.server.log.clear()
    run = source.tap.run(source.config, "--test")
    assert run.code == 0, run.stderr
    count = len(chosen(source))
    told = [line for line in run.said("INFO") if "credentials are good" in line]
    assert len(told) == 1
    assert f"{count} of {count} streams can be read" in told[0]
    assert not run.lines
    sent = [entry for entry in source.server.log.entries if entry.vendor == source.name]
    assert 0 < len(sent) <= 2 * count + 5


def test_a_catalog_says_which_streams_are_asked_for(source: Bench) -> None:
    stream = source.incremental[0]
    run = source.tap.run(source.config, "--test", catalog=source.catalog(stream))
    assert run.code == 0, run.stderr
    assert "1 of 1 streams can be read" in run.stderr


def test_wrong_credentials_are_refused(source: Bench) -> None:
    run = source.tap.run({**source.config, **source.case.wrong}, "--test")
    assert run.code == 2
    said = verdict(run, "ERROR")
    assert all(str(value) not in said for value in source.case.wrong.values())


@pytest.mark.parametrize("source", ["callgear"], indirect=True)
def test_the_line_is_alone_where_python_warns_of_everything(source: Bench) -> None:
    """As it does below `meltano invoke`; a catalog that is left open would be told, too."""
    config = {**source.config, **source.case.wrong}
    arguments = source.tap.arguments(config, "--test", catalog=source.catalog("tags"))
    done = subprocess.run(
        [sys.executable, "-m", source.tap.module, *arguments],
        capture_output=True, text=True, check=False,
        env={**source.tap.environment(), "PYTHONWARNINGS": "once"},
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_setting_is_refused_before_anything_is_asked(source: Bench) -> None:
    source.server.log.clear()
    run = source.tap.run({**source.config, "lookback": "soon"}, "--test")
    assert run.code == 2
    assert "'lookback'" in verdict(run, "ERROR")
    assert not source.server.log.entries


@contextmanager
def untrusted(folder: Path) -> Iterator[str]:
    """Serve TLS with a certificate that nobody vouches for; give the URL."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = folder / "certificate.pem"
    file.write_bytes(key.private_bytes(pem, *plain) + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with RawServer(b"", tls=context) as server:
        yield f"https://localhost:{server.port}"


@contextmanager
def plain() -> Iterator[str]:
    """Serve somebody who says in plain text that he does not understand; give the URL."""

    def refuse() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(reply(status="400 Bad Request"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=refuse, daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Serve what is no vendor: what the verdict must say -> its URL."""
    with ExitStack() as stack:
        page = stack.enter_context(RawServer(reply(PAGE, headers=("Content-Type: text/html",))))
        yield {
            "nobody listens at 127.0.0.1": "http://127.0.0.1:9",
            "the name no-such-host.invalid is not known": "https://no-such-host.invalid",
            UNTRUSTED: stack.enter_context(untrusted(tmp_path_factory.mktemp("tls"))),
            "127.0.0.1 does not speak TLS": stack.enter_context(plain()),
            "127.0.0.1 answers, but not as the vendor does": page.url,
        }


def test_whoever_is_not_the_vendor_is_told_apart(source: Bench, elsewhere: dict[str, str]) -> None:
    urls = [name for name in source.config if name.endswith("_url")]
    configs = [
        {**source.config, **dict.fromkeys(urls, url), "max_attempts": 1}
        for url in elsewhere.values()
    ]
    runs = source.tap.many([source.tap.arguments(config, "--test") for config in configs])
    for wanted, run in zip(elsewhere, runs, strict=True):
        assert run.code == 1, (wanted, run.stderr)
        said = verdict(run, "ERROR")
        assert wanted in said, (wanted, said)
        assert "api_url" in said
        assert "credentials are good" not in said
        assert len(run.stderr.splitlines()) == 1, run.stderr


@pytest.mark.parametrize("name", [n for n in installed_taps() if n in CASES])
def test_what_is_refused_is_named_with_the_ways_out(name: str, tmp_path: Path) -> None:
    options, named = CASES[name].refusal
    with serve(name, tmp_path, **options) as source:
        catalog = source.catalog(*{*CASES[name].refused, *chosen(source)})
        settings = {**source.config, "skip_unavailable": True}
        run, lenient = source.tap.many(
            [
                source.tap.arguments(config, "--test", catalog=catalog)
                for config in (source.config, settings)
            ]
        )
        assert run.code == 1
        said = verdict(run, "ERROR")
        assert "The credentials are good, but" in said
        assert named in said
        assert "Deselect" in said
        assert "skip_unavailable" in said
        assert lenient.code == 0, lenient.stderr
        assert "will be left out" in lenient.stderr
        assert named in lenient.stderr


def dated(handle: Callable[[Request], Reply], ahead: timedelta) -> Callable[[Request], Reply]:
    """Let a vendor tell the time, as real ones do."""

    def answer(request: Request) -> Reply:
        given = handle(request)
        now = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
        return replace(given, headers={**given.headers, "Date": now})

    return answer


def test_a_clock_that_is_wrong_is_told_in_the_same_line(
    source: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = dated(source.vendor.handle, timedelta(minutes=90))
    monkeypatch.setattr(source.vendor, "handle", late)
    catalog = source.catalog(source.incremental[0])
    good, bad = source.tap.many(
        [
            source.tap.arguments(config, "--test", catalog=catalog)
            for config in (source.config, {**source.config, **source.case.wrong})
        ]
    )
    told = "This machine's clock is 90 minutes behind the vendor's; set it right."
    assert good.code == 0, good.stderr
    assert "1 of 1 streams can be read" in verdict(good, "WARNING")
    assert told in verdict(good, "WARNING")
    assert bad.code == 2
    assert told in verdict(bad, "ERROR")


@pytest.mark.parametrize(("seconds", "told"), [(-5400, "90 minutes ahead of"), (9, "")])
@pytest.mark.parametrize("source", ["callgear"], indirect=True)
def test_a_clock_that_is_ahead_is_told_and_one_that_is_right_is_not(
    source: Bench, seconds: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = timedelta(seconds=seconds)
    monkeypatch.setattr(source.vendor, "handle", dated(source.vendor.handle, there))
    run = source.tap.run(source.config, "--test", catalog=source.catalog("tags"))
    assert run.code == 0, run.stderr
    assert told in run.stderr
    assert ("clock" in run.stderr) == bool(told)


@pytest.mark.parametrize("source", ["pbx"], indirect=True)
def test_each_partition_is_asked_for_once(source: Bench) -> None:
    source.server.log.clear()
    run = source.tap.run(source.config, "--test", catalog=source.catalog("calls", "call_events"))
    assert run.code == 0, run.stderr
    lists = [entry for entry in source.server.log.entries if entry.path.endswith("call_list.php")]
    tenants = [entry.query["tenantID"][0] for entry in lists]
    assert set(tenants) == {"0", "101", "102"}
    assert len(tenants) == 3 + 1  # the first one by both streams
    [details] = {entry.path for entry in source.server.log.entries} - {
        entry.path for entry in lists
    }
    assert details.endswith("call_details.php")
