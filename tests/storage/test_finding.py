"""Which files there are, found without looking at each of them every second, and with events or without."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from storage.finding import Finder
from storage.lake import Lake
from storage.watching import Watch
from tests.storage.following import following, sweep_to_rest
from tests.storage.numbered import append, seen


def names(finder: Finder) -> set[str]:
    return {path.name for path in finder.files.values()}


def test_what_comes_leaves_and_is_renamed_is_found_by_the_next_look(tmp_path: Path) -> None:
    finder = Finder([tmp_path])
    finder.look()
    (tmp_path / "a.log").write_text("x")
    assert finder.look() and names(finder) == {"a.log"}
    (tmp_path / "a.log").rename(tmp_path / "b.log")
    assert finder.look() and names(finder) == {"b.log"}
    (tmp_path / "sub").mkdir()
    finder.look()
    (tmp_path / "sub" / "c.log").write_text("x")
    assert finder.look() and names(finder) == {"b.log", "c.log"}
    (tmp_path / "b.log").unlink()
    assert finder.look() and names(finder) == {"c.log"}


def test_a_folder_at_rest_is_read_now_and_then_only(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("x")
    finder = Finder([tmp_path])
    reads = [finder.look() for _ in range(40)]
    assert reads[0] and sum(reads) <= 8 and any(reads[20:])


def test_a_file_that_becomes_a_match_deep_in_a_pattern_is_found(tmp_path: Path) -> None:
    (tmp_path / "x" / "log").mkdir(parents=True)
    finder = Finder([tmp_path / "*" / "log" / "*.log"])
    for _ in range(5):
        finder.look()
    (tmp_path / "x" / "log" / "a.log").write_text("x")
    finder.look()
    assert names(finder) == {"a.log"}


def test_a_change_wakes_the_sweep_and_reading_does_not(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("x")
    watch = Watch()
    watch.cover([tmp_path])
    while watch.wait(0.2):
        pass
    (tmp_path / "a.log").read_text()
    assert not watch.wait(0.3)
    threading.Timer(0.05, (tmp_path / "a.log").write_text, ("y",)).start()
    assert watch.wait(10)
    watch.close()


def test_a_folder_that_cannot_be_watched_is_swept_all_the_same(tmp_path: Path) -> None:
    watch = Watch()
    watch.cover([tmp_path / "gone"])
    assert not watch.wait(0.01)
    watch.close()


def test_files_are_complete_although_no_event_is_ever_seen(lake: Lake, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    with following(lake, [logs]) as follower:
        follower.sweeper.watch.cover = lambda folders: None  # type: ignore[method-assign]
        for number in range(20):
            append(logs / f"{number % 5}.log", range(number * 10, number * 10 + 10))
            if number % 7 == 6:
                os.rename(logs / "0.log", tmp_path / f"away{number}")
            follower.sweep()
        sweep_to_rest(follower)
    assert seen(lake) == list(range(200))
