from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tap_shared.backfill.lease import take
from tap_shared.backfill.store import Store


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Give a store in a folder, and one in an object store's manner."""
    return Store(str(tmp_path) if request.param == "folder" else f"memory://{tmp_path.name}")


def test_objects_come_back_whole_and_in_order(store: Store) -> None:
    assert store.names("a/b") == []
    assert store.read("a/b/2") is None
    store.write("a/b/2", b"two")
    store.write("a/b/1", b"one")
    store.write("a/b/2", b"two again")
    assert store.names("a/b") == ["1", "2"]
    assert store.read("a/b/2") == b"two again"
    store.remove("a/b/2")
    store.remove("a/b/2")
    assert store.names("a/b") == ["1"]


def test_of_many_who_create_an_object_one_does(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda n: store.create("lane/1", b"%d" % n), range(64)))
    assert made.count(True) == 1
    assert store.read("lane/1") == b"%d" % made.index(True)
    assert store.names("lane") == ["1"]


def test_a_held_lane_is_not_given_to_another_until_it_is_free(store: Store) -> None:
    def nothing() -> None:
        raise AssertionError("nobody took the lane")

    lease = take(store, "tap/north", "a", 60, nothing)
    assert lease is not None
    with lease:
        assert take(store, "tap/north", "b", 60, nothing) is None
        other = take(store, "tap/south", "b", 60, nothing)
        assert other is not None
        with other:
            assert take(store, "tap/south", "c", 60, nothing) is None
    assert take(store, "tap/north", "b", 60, nothing) is not None


def test_the_lane_of_a_dead_worker_is_free_after_a_while_and_a_live_one_keeps_it(
    store: Store,
) -> None:
    lost = threading.Event()
    assert take(store, "dead", "a", 0.4, lost.set) is not None  # never entered: never renewed
    alive = take(store, "alive", "a", 0.4, lost.set)
    assert alive is not None
    with alive:
        assert take(store, "dead", "b", 0.4, lost.set) is None
        time.sleep(0.8)
        assert take(store, "dead", "b", 0.4, lost.set) is not None
        assert take(store, "alive", "b", 0.4, lost.set) is None
    assert not lost.is_set()


def test_a_holder_that_was_held_up_learns_that_it_lost_the_lane(store: Store) -> None:
    lost = threading.Event()
    slow = take(store, "lane", "slow", 0.4, lost.set)
    assert slow is not None
    time.sleep(0.5)
    quick = take(store, "lane", "quick", 5, lost.set)
    assert quick is not None
    with slow:
        assert lost.wait(5)
    assert take(store, "lane", "third", 5, lost.set) is None  # the slow one did not free it
