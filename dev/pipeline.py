"""One tap into one loader through `meltano run`, and what its log tells."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from dev.layout import ROOT, executable

SIGN_OF_LIFE_SECONDS = 15
SHORTEST_SECRET = 4
SECRET_WORDS = ("TOKEN", "KEY", "PASSWORD", "SECRET", "SALT", "PASSPHRASE", "SQLALCHEMY_URL")


@dataclass
class Outcome:
    """What one run did.

    Attributes:
        tap: The tap.
        code: Meltano's exit code.
        seconds: How long it took.
        extracted: Records of each stream, as the tap counted them.
        loaded: Records of each stream, as the loader counted them.
        state_id: Under which Meltano keeps the state.
        errors: The tap's error sentences, each once.
        last_words: The last line that the tap or the loader wrote.
        verdict: What Meltano itself says about a failure.
        loader_failed: Whether the loader was what failed.
        bookmarks: The state's bookmarks after the run.
    """

    tap: str
    code: int = 0
    seconds: float = 0.0
    extracted: Counter[str] = field(default_factory=Counter)
    loaded: Counter[str] = field(default_factory=Counter)
    state_id: str = ""
    errors: list[str] = field(default_factory=list)
    last_words: str = ""
    verdict: str = ""
    loader_failed: bool = False
    bookmarks: dict[str, Any] = field(default_factory=dict)

    @property
    def read(self) -> Counter[str]:
        """Return the records of each stream: the loader's count, or the tap's where it has none."""
        return self.loaded if self.loader_failed else self.loaded or self.extracted

    @property
    def reason(self) -> str:
        """Return why it failed, in the words of the plugin that failed."""
        return " ".join(self.errors) or self.last_words or self.verdict or "no message"


class Pipeline:
    """Runs taps into a loader.

    Args:
        loader: The loader's plugin.
        suffix: Ends the state's name; state belongs to one warehouse.
        full_refresh: Whether to read everything again.
    """

    def __init__(self, loader: str, suffix: str, *, full_refresh: bool) -> None:
        """Keep the arguments."""
        self.loader, self.suffix, self.full_refresh = loader, suffix, full_refresh

    def run(self, tap: str, environment: dict[str, str]) -> Outcome:
        """Run one tap to its end; warnings and errors are printed as they come."""
        outcome = Outcome(tap)
        show = Narrator(tap, secrets_of(environment))
        started = time.monotonic()
        process = subprocess.Popen(
            self._command(tap),
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        try:
            for line in process.stderr or ():
                note(outcome, _parsed(line), show)
        except BaseException:
            process.terminate()
            raise
        finally:
            outcome.code = process.wait()
        outcome.seconds = time.monotonic() - started
        return outcome

    def _command(self, tap: str) -> list[str]:
        """Return the command line.

        A run that was killed blocks its successors for five minutes unless they are forced.
        """
        command = [executable("meltano"), "--log-format=json", "run", "--no-install", "--force"]
        command += ["--full-refresh"] if self.full_refresh else []
        return [*command, f"--state-id-suffix={self.suffix}", tap, self.loader]


class Narrator:
    """Prints what a person needs to see of a run, with secrets blotted out.

    Args:
        tap: The tap that runs.
        hidden: The secrets' values.
    """

    def __init__(self, tap: str, hidden: list[str]) -> None:
        """Keep the arguments."""
        self.tap, self.hidden = tap, hidden
        self._spoke = time.monotonic()

    def clean(self, text: str) -> str:
        """Return the text on one line without any secret."""
        for secret in self.hidden:
            text = text.replace(secret, "***")
        return " ".join(text.split())

    def say(self, text: str) -> None:
        """Print a line."""
        self._spoke = time.monotonic()
        print(f"  {text}", flush=True)

    def alive(self, text: str) -> None:
        """Print what goes on, when nothing was printed for a while."""
        if time.monotonic() - self._spoke > SIGN_OF_LIFE_SECONDS:
            self.say(f"{self.tap} goes on: {text}")


def note(outcome: Outcome, entry: dict[str, Any], show: Narrator) -> None:
    """Note what one entry of Meltano's log tells about a run."""
    outcome.state_id = entry.get("job_name") or outcome.state_id
    event = show.clean(str(entry.get("event", "")))
    if "stdio" not in entry:
        outcome.loader_failed |= "loaders" in entry.get("exit_codes", ())
        outcome.verdict = show.clean(str(entry.get("err") or outcome.verdict))
        return
    metric = _metric(entry)
    if metric is not None:
        if metric.get("metric") == "record_count":
            counts = outcome.loaded if entry.get("consumer") else outcome.extracted
            counts[metric["tags"]["stream"]] += metric["value"]
        return
    outcome.last_words = event or outcome.last_words
    if entry.get("level") in {"error", "critical"}:
        outcome.loader_failed |= bool(entry.get("consumer"))
        if event not in outcome.errors:
            outcome.errors.append(event)
            show.say(f"error: {event}")
    elif entry.get("level") == "warning":
        show.say(f"warning: {event}")
    else:
        show.alive("loading" if entry.get("consumer") else event)


def secrets_of(environment: dict[str, str]) -> list[str]:
    """Return the values in the environment of taps and loaders that must not be shown."""
    return [
        value
        for name, value in environment.items()
        if name.startswith(("TAP_", "TARGET_"))
        and any(word in name for word in SECRET_WORDS)
        and len(value) >= SHORTEST_SECRET
    ]


def _metric(entry: dict[str, Any]) -> dict[str, Any] | None:
    """Return the metric that an entry carries, if any, in either form that the SDK writes."""
    if "metric_info" in entry:
        found: dict[str, Any] = entry["metric_info"]
        return found
    _, mark, text = str(entry.get("event", "")).partition("METRIC: ")
    return _parsed(text) if mark else None


def _parsed(line: str) -> dict[str, Any]:
    """Return a line of JSON as a dictionary; anything else as the text of an event."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": line, "level": "info", "stdio": "none"}


def read_bookmarks(outcomes: list[Outcome], environment: dict[str, str]) -> None:
    """Fill in every outcome's bookmarks; a start of Meltano takes a second, so side by side."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = pool.map(lambda outcome: _bookmarks(outcome.state_id, environment), outcomes)
        for outcome, bookmarks in zip(outcomes, found, strict=True):
            outcome.bookmarks = bookmarks


def _bookmarks(state_id: str, environment: dict[str, str]) -> dict[str, Any]:
    """Return the bookmarks that Meltano keeps under a state's name."""
    if not state_id:
        return {}
    command = [executable("meltano"), "--log-level=error", "state", "get", state_id]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    state = json.loads(lines[-1]) if lines else {}
    found: dict[str, Any] = state.get("singer_state", {}).get("bookmarks", {})
    return found
