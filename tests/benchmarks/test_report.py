"""The table says what was measured, whether it is enough, and where a peer wins."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.report import report

COUNTS = {"requests": 100, "refused": 0, "most": 1, "rounds": 5}


def result(name: str, rows: int = 1000, **seconds: float) -> dict[str, Any]:
    regime, tap, *_ = name.split("-")
    in_flight = 8 if regime == "latency" else 1
    peers = {
        peer.replace("_", "-"): {
            "peer": peer.replace("_", "-"), "in_flight": in_flight, "rate": 0, "wall": value,
            "cpu": value, "peak": value, "first": value, **COUNTS,
        }
        for peer, value in seconds.items()
    }  # fmt: skip
    return {
        "name": name, "regime": regime, "tap": tap, "title": f"{tap}, {regime}", "rows": rows,
        "page_size": 100, "rate": 0, "date": "2026-01-02 03:04", "machine": "a machine",
        "peers": peers, "missing": {"dlt": "it reads no lines"},
    }  # fmt: skip


def line(text: str, start: str) -> list[str]:
    found = next(each for each in text.splitlines() if each.startswith(f"| {start}"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_goals_are_judged_and_winners_named() -> None:
    text = report(
        {
            "cpu-callgear": result("cpu-callgear", limit=2, ours=2, cookiecutter=20, airbyte=1.9),
            "cpu-interactions": result("cpu-interactions", limit=1, ours=3, cookiecutter=20),
            "cpu-pbx": result("cpu-pbx", limit=1, ours=1.6),
        }
    )
    assert "Measured 2026-01-02, a machine." in text
    assert line(text, "CPU-bound")[3:] == [
        "CallGear 1/10.0, CPU 1/10.0 (aim); MotionCX 1/6.7, CPU 1/6.7 (must)",
        "airbyte",
    ]
    assert line(text, "the same against the fastest")[3] == (
        "CallGear 1.05x of airbyte, CPU 1.05x (**missed**)"
    )
    assert line(text, "small shapes")[3:] == ["PBX 1.60x, CPU 1.60x (**missed**)", "none"]
    assert line(text, "300 ms")[3:] == ["not measured", "none"]
    assert "dlt does not take part: it reads no lines." in text


def test_memory_is_compared_with_that_of_fewer_rows() -> None:
    text = report(
        {
            f"memory-callgear-{rows}": result(
                f"memory-callgear-{rows}", rows, ours=peak, cookiecutter=74
            )
            for rows, peak in ((500_000, 70.2), (50_000, 70))
        }
    )
    assert line(text, "memory: growth")[3] == "500,000 rows against 50,000 +0.2 MB, to 70 MB (aim)"
    assert line(text, "memory: one page")[3] == "CallGear 0.95x (70 MB) (must)"


def test_a_declared_limit_must_not_be_hit() -> None:
    hit = result("rate-callgear", 10_000, ours=10.5)
    hit["rate"] = 10
    hit["peers"]["ours"] |= {"in_flight": 8, "rate": 10, "refused": 1, "requests": 101}
    shown = "CallGear 1.05x of 100 requests (1.05x of 100 pages), {} refused"
    refused = line(report({"rate-callgear": hit}), "10 requests/s declared")[3]
    assert refused == f"{shown.format(1)} (**missed**)"
    hit["peers"]["ours"] |= {"refused": 0, "requests": 100}
    assert line(report({"rate-callgear": hit}), "10 requests/s declared")[3] == (
        f"{shown.format(0)} (aim)"
    )


def test_nothing_kept_is_said() -> None:
    assert "bench --full" in report({})
