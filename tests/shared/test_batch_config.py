from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tap_shared import batch
from tap_shared.batch import check_batch_config
from tap_shared.errors import SettingRefused
from tests.shared.tiny import Tiny, TinyTap


def into(folder: Path, form: str, **params: Any) -> dict[str, Any]:
    storage = {"root": folder.as_uri(), "params": params}
    return {"batch_config": {"encoding": {"format": form}, "storage": storage}}


def test_parquet_without_pyarrow_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_batch_config(into(tmp_path, "parquet"))
    monkeypatch.setattr(batch, "find_spec", lambda _name: None)
    check_batch_config(into(tmp_path, "jsonl"))
    with pytest.raises(SettingRefused, match=r"pyarrow \(contact-taps-shared\[parquet\]\)"):
        check_batch_config(into(tmp_path, "parquet"))


def test_batches_with_an_unknown_sdk_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_batch_config(into(tmp_path, "jsonl"))
    monkeypatch.setattr(batch, "is_verified", lambda: False)
    with pytest.raises(SettingRefused, match="singer-sdk"):
        check_batch_config(into(tmp_path, "jsonl"))


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.usefixtures("logs_as_before")
def test_the_keys_of_a_storage_are_hidden(tmp_path: Path) -> None:
    deep = {"client_kwargs": {"aws_secret_access_key": "sandbox-inner"}, "port": 5}
    config = {**Tiny(seed=1).settings("http://x"), **into(tmp_path, "jsonl", key="sandbox-outer")}
    config["batch_config"]["storage"]["params"].update(deep)
    tap = TinyTap(config=config, validate_config=False)
    assert tap.redact("sandbox-inner and sandbox-outer") == "*** and ***"


@pytest.mark.parametrize("wrong", ["text", {"storage": "text"}, {"storage": {"params": ["x"]}}])
@pytest.mark.usefixtures("logs_as_before")
def test_a_batch_config_of_another_shape_waits_for_its_check(wrong: Any) -> None:
    config = {**Tiny(seed=1).settings("http://x"), "batch_config": wrong}
    tap = TinyTap(config=config, validate_config=False)
    with pytest.raises(SettingRefused, match="batch_config"):
        _ = tap.settings
