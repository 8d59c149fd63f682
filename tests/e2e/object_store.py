"""An S3 on this machine: moto's server, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import requests

from tests.e2e.free_port import free_port
from tests.sandbox.client_environments import KEPT, client_python

__all__ = ["KEY", "SECRET", "Bucket", "bucket"]

KEY, SECRET = "sandbox-access-key", "sandbox-secret-key"
_LONGEST = 60


@dataclass(frozen=True)
class Bucket:
    """A bucket of a server of its own.

    Attributes:
        endpoint: The server's URL.
        name: The bucket's name.
    """

    endpoint: str
    name: str

    @property
    def credentials(self) -> dict[str, str]:
        """Variables that AWS's clients read."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def keys(self, prefix: str = "") -> list[str]:
        """Give the names of its objects, sorted."""
        answer = requests.get(
            f"{self.endpoint}/{self.name}?list-type=2&prefix={prefix}", timeout=10
        )
        found = ET.fromstring(answer.content).iter()  # noqa: S314 - a server of our own
        return sorted(str(node.text) for node in found if node.tag.endswith("}Key"))

    def read(self, key: str) -> bytes:
        """Give an object's content."""
        answer = requests.get(f"{self.endpoint}/{self.name}/{key}", timeout=10)
        assert answer.status_code == requests.codes.ok, key
        return answer.content


@contextmanager
def bucket(name: str) -> Iterator[Bucket]:
    """Serve an empty bucket."""
    python = client_python("moto", "moto[s3]==5.2.5", "flask", "flask-cors")
    port = free_port()
    made = Bucket(f"http://127.0.0.1:{port}", name)
    with subprocess.Popen(
        [str(Path(python).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in KEPT if name in os.environ},
    ) as process:  # fmt: skip
        try:
            _make(made, process)
            yield made
        finally:
            process.kill()


def _make(bucket: Bucket, process: subprocess.Popen[bytes]) -> None:
    """Make the bucket as soon as the server answers."""
    last = time.monotonic() + _LONGEST
    while True:
        try:
            answer = requests.put(f"{bucket.endpoint}/{bucket.name}", timeout=10)
        except requests.ConnectionError:
            assert process.poll() is None, "moto's server has ended"
            assert time.monotonic() < last, "moto's server does not answer"
            time.sleep(0.1)
        else:
            assert answer.status_code == requests.codes.ok
            return
