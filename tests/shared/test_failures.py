from __future__ import annotations

from tap_shared.failures import by_reason, labelled


def test_a_reason_is_given_once_behind_all_that_it_holds_for() -> None:
    refused, broken = "the vendor refuses it.", "it broke."
    failures = {
        labelled("calls", {"igrp": 7}): refused,
        labelled("tags"): broken,
        labelled("goals", {"igrp": 7, "x": "y"}): refused,
    }
    told = "'calls' (igrp 7), 'goals' (igrp 7, x y): the vendor refuses it. 'tags': it broke."
    assert by_reason(failures) == told


def test_of_many_reasons_the_last_ones_are_only_named() -> None:
    told = by_reason({f"'s{n}'": f"reason {n}." for n in range(7)})
    assert told.startswith("'s0': reason 0. 's1': reason 1.")
    assert told.endswith("'s4': reason 4. Others too: 's5', 's6'.")
