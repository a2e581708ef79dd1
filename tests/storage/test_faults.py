"""Full and failing disks, and the power: landing pauses or dies, and in the end every line is there once."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import subprocess
import threading
from pathlib import Path

import pytest

from storage.disk import Disk
from storage.doctor import repair
from storage.errors import UnavailableError
from storage.home import Home
from storage.lake import Lake
from storage.landing import Landing
from storage.ledger import Ledger
from storage.manner import Manner
from tests.storage.faulty_disk import FailingDisk, ForgetfulDisk, FullDisk, PowerCut
from tests.storage.following import AT_ONCE, PATIENT, following, landing, sweep_to_rest
from tests.storage.numbered import append, line, seen


def lake_on(disk: Disk, home: Path) -> Lake:
    made = Home(home).create()
    return Lake(made, Ledger(made.ledger), disk=disk)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_whichever_call_to_the_disk_fails_landing_pauses_goes_on_and_loses_nothing(tmp_path: Path, code: int) -> None:
    """Case 18 (fluent-bit#2846, ClickHouse#111722): the n-th call fails, for every n; the offset never runs ahead."""
    log = tmp_path / "app.log"
    for fails_at in range(1, 200):
        disk = FailingDisk(fails_at, code)
        lake = lake_on(disk, tmp_path / f"home{fails_at}")
        log.unlink(missing_ok=True)
        append(log, range(20))
        notices: list[str] = []
        work = Landing(lake, format_name="jsonl", on_notice=notices.append, manner=Manner(rhythm=AT_ONCE))
        with following(lake, [log], work=work) as follower:
            sweep_to_rest(follower)
            append(log, range(20, 40))
            sweep_to_rest(follower)
            sweep_to_rest(follower)
        assert seen(lake) == list(range(40)), fails_at
        failed = disk.calls >= fails_at
        assert ("paused" in " ".join(notices)) == failed
        assert (notices[-1:] == ["landing goes on"]) == failed
        orphans = set(lake.home.lake.rglob("*.parquet")) - {s.path for s in lake.snapshot().segments}
        assert not orphans
        lake.ledger.close()
        if not failed:
            break
    else:
        pytest.fail("the last call was never reached")
    assert fails_at > 5


@pytest.mark.parametrize("seed", range(3))
def test_a_power_cut_at_any_step_loses_nothing_committed_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    """Case 19 (fluent-bit#6995, ClickHouse#111738): what was not synced is lost or torn, at every step."""
    log = tmp_path / "app.log"
    for cut_at in range(1, 200):
        disk = ForgetfulDisk(cut_at, seed * 1000 + cut_at)
        lake = lake_on(disk, tmp_path / f"home{seed}-{cut_at}")
        log.unlink(missing_ok=True)
        append(log, range(20))
        cut = False
        try:
            landing(lake).ingest([log])
            append(log, range(20, 30))
            landing(lake).ingest([log])
        except PowerCut:
            cut = True
        lake.ledger.close()
        again = Lake.open(Home(tmp_path / f"home{seed}-{cut_at}"))
        report = repair(again.home, orphan_age_s=0.0)
        assert not report.findings.lost_rows, cut_at
        append(log, range(30 if log.stat().st_size > len(line(1)) * 21 else 20, 40))
        landing(again).ingest([log])
        assert seen(again) == list(range(40)), cut_at
        assert {p for p in again.home.lake.rglob("*") if p.is_file()} == {s.path for s in again.snapshot().segments}
        again.ledger.close()
        if not cut:
            break
    assert cut_at > 5


@pytest.mark.parametrize("packed", [True, False])
def test_a_log_that_is_rotated_and_copied_while_the_disk_is_full_lands_once(tmp_path: Path, packed: bool) -> None:
    """Nothing of it has landed by which a copy could be known, and the file itself is still open, without a name."""
    disk, log = FullDisk(), tmp_path / "logs" / "app.log"
    log.parent.mkdir()
    lake = lake_on(disk, tmp_path / "home")
    with following(lake, [f"{log}*"], PATIENT) as follower:
        append(log, range(9))
        disk.full = True
        follower.sweep()
        data = log.read_bytes()
        log.unlink()
        (log.parent / f"app.log.1{'.gz' * packed}").write_bytes(gzip.compress(data) if packed else data)
        append(log, range(9, 12))
        follower.sweep()
        disk.full = False
        sweep_to_rest(follower)
    assert seen(lake) == list(range(12))
    landing(lake).ingest([log.parent])
    assert seen(lake) == list(range(12))


def test_ingest_on_a_full_disk_is_one_clear_error_and_can_be_repeated(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, range(50))
    lake = lake_on(FailingDisk(2), tmp_path / "home")
    with pytest.raises(UnavailableError, match=r"no space left.*nothing is lost") as caught:
        landing(lake).ingest([log])
    assert "\n" not in str(caught.value)
    landing(lake).ingest([log])
    assert seen(lake) == list(range(50))


@pytest.fixture
def small_disk(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A file system of 600 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_for_real_pauses_the_landing_until_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    lake = Lake.open(Home(small_disk / "home"))
    append(log, range(10))
    notices: list[str] = []
    stop = threading.Event()
    paused, resumed = threading.Event(), threading.Event()

    def notice(text: str) -> None:
        notices.append(text)
        (paused if "paused" in text else resumed).set()

    work = Landing(lake, format_name="jsonl", on_notice=notice, manner=Manner(rhythm=AT_ONCE))
    landing(lake).ingest([log])
    hog = small_disk / "hog"
    with hog.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while out.write(bytes(1024)):
            pass
    append(log, range(10, 500))
    thread = threading.Thread(target=work.follow, args=([log],), kwargs={"stop": stop})
    thread.start()
    assert paused.wait(30)
    hog.unlink()
    assert resumed.wait(30)
    stop.set()
    thread.join(30)
    assert seen(lake) == list(range(500))
    lake.ledger.close()


def test_opening_a_home_on_a_full_disk_is_one_clear_error(small_disk: Path) -> None:
    (small_disk / "hog").write_bytes(b"x" * 590 * 1024)
    with pytest.raises(UnavailableError) as caught:
        Lake.open(Home(small_disk / "home"))
    assert "\n" not in str(caught.value)


def test_a_source_that_cannot_be_read_for_a_while_is_said_and_read_later(lake: Lake, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, range(10))
    with following(lake, [log], PATIENT) as follower:
        sweep_to_rest(follower)
        item = next(iter(follower.sweeper.files.values()))
        whole, item.reading.stream.read = item.reading.stream.read, _broken  # type: ignore[method-assign]
        append(log, range(10, 20))
        sweep_to_rest(follower)
        assert "cannot be read now" in follower.tally.notices[-1]
        item.reading.stream.read = whole  # type: ignore[method-assign]
        append(log, range(20, 30))
        sweep_to_rest(follower)
    assert seen(lake) == list(range(30))


def _broken(offset: int, size: int) -> bytes:
    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
