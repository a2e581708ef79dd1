"""Lost events, replaced folders, too many files: what is on disk is found, not what somebody tells."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from storage.lake import Lake
from storage.manner import Rhythm
from tests.storage.faulty_disk import FullDisk
from tests.storage.following import AT_ONCE, PATIENT, following, landing, sweep_to_rest
from tests.storage.numbered import append, lines, seen
from tests.storage.rotating import Make, polled


def test_a_file_that_left_its_place_is_let_go(watched: Make) -> None:
    """Case 23 (beats#2011, #2395): what was deleted is drained and closed, so that its space comes back."""
    w = watched("*.log")
    for number in range(8):
        log = w.folder / f"{number}.log"
        append(log, range(number * 10, number * 10 + 10))
        w.look(AT_ONCE)
        log.unlink()
    w.look(AT_ONCE)
    follower = w.look(AT_ONCE)
    assert len(follower.lags()) <= 1
    assert seen(w.lake) == list(range(80))


def test_more_files_than_descriptors_are_all_followed(watched: Make) -> None:
    """Case 23 again: of twelve files five are open at a time; rotations among them lose nothing."""
    w = watched("*.log*")
    written = 0
    for step in range(3):
        for number in range(12):
            append(w.folder / f"{number}.log", range(written, written + 3))
            written += 3
        (w.folder / f"{step}.log").rename(w.folder / f"{step}.log.1")
        for _ in range(6 if w.way != "killed" else 1):
            follower = w.look(few=5)
            assert len(follower.lags()) <= 5
    assert seen(w.lake) == list(range(written)) and w.gaps() == []


def test_deleted_files_that_cannot_land_are_kept_to_a_limit_and_the_others_are_counted(
    lake: Lake, tmp_path: Path
) -> None:
    """Case 23 again (skale-node#614): the disk is full, deleted logs are held open; the oldest are let go and told."""
    disk = FullDisk()
    full = Lake(lake.home, lake.ledger, clock=lake.clock, disk=disk)
    with following(full, [f"{tmp_path}/logs/*.log"], replace(PATIENT, deleted_bytes=600)) as follower:
        (tmp_path / "logs").mkdir()
        for number in range(5):
            append(tmp_path / "logs" / f"{number}.log", [number * 10])
        sweep_to_rest(follower)
        disk.full = True
        for number in range(5):
            append(tmp_path / "logs" / f"{number}.log", range(number * 10 + 1, number * 10 + 4))
            follower.sweep()
            (tmp_path / "logs" / f"{number}.log").unlink()
        for _ in range(3):
            follower.sweep()
        assert len(follower.lags()) == 2 and "let go" in " ".join(follower.tally.notices)
        disk.full = False
        sweep_to_rest(follower)
        assert follower.tally.gaps == 3
    assert seen(lake) == [0, 10, 20, 30, 31, 32, 33, 40, 41, 42, 43]
    with lake.ledger.read() as connection:
        lost = [row["byte_count"] for row in connection.execute("SELECT byte_count FROM gap")]
    assert lost == [len(lines(range(n + 1, n + 4))) for n in (0, 10, 20)]


def test_a_flood_of_events_hides_no_line(lake: Lake, tmp_path: Path) -> None:
    """Case 24 (watchdog#654): 20,000 events in a watched folder, more than the kernel queues; no sweep needs one."""
    stop, enough, landed = threading.Event(), threading.Event(), [0]

    def count(_: int) -> None:
        landed[0] = len(seen(lake))
        if landed[0] == 60:
            enough.set()

    append(tmp_path / "app.log", range(20))
    work = landing(lake, replace(PATIENT, sweep_s=0.2))
    thread = threading.Thread(
        target=work.follow, args=([f"{tmp_path}/*.log"],), kwargs={"stop": stop, "on_commit": count}
    )
    thread.start()
    (tmp_path / "noise").touch()
    for _ in range(5_000):
        (tmp_path / "noise").rename(tmp_path / "noise2")
        (tmp_path / "noise2").rename(tmp_path / "noise")
    append(tmp_path / "app.log", range(20, 40))
    append(tmp_path / "new.log", range(40, 60))
    found = enough.wait(30)
    stop.set()
    thread.join(30)
    assert found and seen(lake) == list(range(60))


def test_without_any_event_lines_are_found_by_the_next_sweep(lake: Lake, tmp_path: Path) -> None:
    """Case 24 again: polling gets no event at all, and a sweep comes at least once a second."""
    assert Rhythm().sweep_s + Rhythm().commit_s < 2
    stop, commits = threading.Event(), threading.Semaphore(0)
    work = landing(lake, replace(Rhythm(), sweep_s=0.05), poll=True)
    kwargs = {"stop": stop, "on_commit": lambda _: commits.release()}
    thread = threading.Thread(target=work.follow, args=([f"{tmp_path}/*.log"],), kwargs=kwargs)
    thread.start()
    found = []
    for name, numbers in (("a.log", range(5)), ("b.log", range(5, 9)), ("a.log", range(9, 12))):
        append(tmp_path / name, numbers)
        found.append(commits.acquire(timeout=30))
    stop.set()
    thread.join(30)
    assert all(found) and seen(lake) == list(range(12))


@polled
def test_a_symlink_that_is_switched(watched: Make) -> None:
    """Case 24 again: a link is switched to another file, as Kubernetes and Capistrano do."""
    w = watched("current")
    (w.folder / "real").mkdir()
    for number in range(3):
        target = w.folder / "real" / f"app-{number}.log"
        append(target, range(number * 20, number * 20 + 20))
        link = w.folder / "new"
        link.symlink_to(target)
        link.rename(w.folder / "current")
        w.look()
    assert seen(w.lake) == list(range(60))


@polled
def test_a_folder_that_is_replaced(watched: Make) -> None:
    """Case 24 again (crowdsec#2902): the watched folder itself is renamed and made anew."""
    w = watched("app/*.log")
    for number in range(3):
        folder = w.folder / "app"
        if folder.exists():
            folder.rename(w.folder / f"was{number}")
        folder.mkdir()
        append(folder / "app.log", range(number * 20, number * 20 + 20))
        w.look()
    assert seen(w.lake) == list(range(60))
