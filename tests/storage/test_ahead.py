"""Blocks that are read ahead land as if they had been read one by one, also where records wait for later ones."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from storage.disk import Disk
from storage.errors import UnavailableError
from storage.home import Home
from storage.lake import Lake
from storage.landing import Landing
from tests.storage.faulty_disk import FailingDisk
from tests.storage.numbered import append, seen

_BLOCK = 2048


def small_blocks(patch: pytest.MonkeyPatch) -> None:
    for module in ("storage.tail", "storage.landing"):
        patch.setattr(f"{module}.BLOCK_BYTES", _BLOCK)


def postgresql_log(statements: int) -> str:
    """A log of `log_statement` and `log_duration`: a statement's text waits for its duration, of the same session."""
    told = []
    for number in range(statements):
        at = f"2026-03-02 09:{number // 60:02d}:{number % 60:02d}"
        told.append(f"{at}.000 UTC [{number % 3}] LOG:  execute a: SELECT {number}\n\tFROM t\n")
        if number >= 2:
            told.append(f"{at}.001 UTC [{(number - 2) % 3}] LOG:  duration: {number - 2}.5 ms\n")
    return "".join(told)


def landed(path: Path, home: Path) -> tuple[pl.DataFrame, int]:
    lake = Lake.open(Home(home))
    commits = Landing(lake).ingest([path]).commits
    return lake.scan("queries").sort("byte_offset").collect(), commits


def test_records_that_wait_for_the_next_block_are_joined_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "postgresql.log"
    path.write_text(postgresql_log(150))
    whole, _ = landed(path, tmp_path / "whole")
    small_blocks(monkeypatch)
    parts, commits = landed(path, tmp_path / "parts")
    assert commits > 5
    assert parts.equals(whole)
    assert whole["duration_ms"].drop_nulls().to_list() == [number + 0.5 for number in range(148)]


def test_many_blocks_under_way_land_each_line_once(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_blocks(monkeypatch)
    append(tmp_path / "app.log", range(1000))
    assert Landing(lake).ingest([tmp_path / "app.log"]).commits > 20
    assert seen(lake) == list(range(1000))


def test_what_was_under_way_when_the_disk_failed_leaves_no_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_blocks(monkeypatch)
    append(tmp_path / "app.log", range(1000))
    lake = Lake.open(Home(tmp_path / "home"))
    lake.disk = FailingDisk(40)
    with pytest.raises(UnavailableError):
        Landing(lake).ingest([tmp_path / "app.log"])
    lake.disk = Disk()
    named = {segment.path for segment in lake.snapshot().segments}
    assert set((tmp_path / "home" / "lake").rglob("*.parquet")) == named
    Landing(lake).ingest([tmp_path / "app.log"])
    assert seen(lake) == list(range(1000))
