"""What a home needs from time to time happens by itself."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from storage import upkeep
from storage.lake import Lake
from storage.upkeep import keep_up
from tests.conftest import HeldClock
from tests.storage.following import AT_ONCE, landing
from tests.storage.numbered import append, seen


def fill(lake: Lake, log: Path, commits: int) -> None:
    for number in range(commits):
        append(log, range(number * 2, number * 2 + 2))
        landing(lake).ingest([log])


def test_a_round_merges_expires_backs_up_and_clears(lake: Lake, clock: HeldClock, tmp_path: Path) -> None:
    fill(lake, tmp_path / "app.log", 35)
    old = lake.home.aside / "old"
    lake.home.aside.mkdir()
    old.write_text("x")
    os.utime(old, (0, 0))
    done = keep_up(lake, {"rejects": 5})
    assert done.merged >= 32 and done.backup is not None and not old.exists()
    assert seen(lake) == list(range(70))
    clock.forward(days=400)
    assert keep_up(lake, {"logs": 30}).expired_rows == {"logs": 70}
    assert seen(lake) == []


def test_it_runs_while_logs_are_followed(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "EVERY_S", 0.05)
    fill(lake, tmp_path / "app.log", 35)
    stop = threading.Event()
    thread = threading.Thread(
        target=landing(lake, AT_ONCE).follow, args=([tmp_path / "app.log"],), kwargs={"stop": stop}
    )
    thread.start()
    while not list(lake.home.path.glob("backups/*.sqlite3")) or len(lake.snapshot().segments) > 30:
        assert thread.is_alive()
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert seen(lake) == list(range(70))
