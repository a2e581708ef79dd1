"""The scheduler: one run a slot, and no slot without a row, whatever happens to clocks and processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scheduler import Scheduler
from engine.slots import Job, missed, next_slot, slot
from storage.errors import UsageError
from tests.modelops import JOB, START, Room, room

FIVE, HOUR = timedelta(minutes=5), timedelta(hours=1)


class Made:
    """A room with two jobs that count their runs: a quick one that lets slots go and an hourly one that catches up."""

    def __init__(self, path: Path, run: Callable[[], dict[str, int]] | None = None) -> None:
        self.room: Room = room(path, deployed=False)
        self.ran: list[str] = []
        self.jobs = [
            Job("quick", FIVE, run or self._count("quick")),
            Job("hourly", HOUR, self._count("hourly"), catches_up=True),
        ]
        self.scheduler = Scheduler(self.room.ledger, self.jobs, JOB, self.room.clock)

    def _count(self, name: str) -> Callable[[], dict[str, int]]:
        def run() -> dict[str, int]:
            self.ran.append(name)
            return {"ran": len(self.ran)}

        return run

    def rows(self, job: str) -> list[tuple[datetime, str, str]]:
        """Slot, outcome and trigger of a job's rows, oldest first."""
        found = self.room.reader.query(
            "SELECT slot_ts, outcome, trigger_kind FROM job_runs WHERE job = $1 ORDER BY 1", [job]
        )
        return found.rows()


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)]),
)
def test_every_moment_lies_in_exactly_one_slot(moment: datetime, every: timedelta) -> None:
    start = slot(moment, every)
    assert start <= moment < start + every
    assert slot(start, every) == start
    assert next_slot(moment, every) == start + every
    assert missed(start, start + 4 * every, every) == [start + every * i for i in (1, 2, 3)]
    assert missed(start, start + every, every) == []


def test_each_slot_is_run_once_however_often_it_is_looked_at(tmp_path: Path) -> None:
    m = Made(tmp_path)
    for _ in range(130):
        m.scheduler.tick()
        m.room.clock.tick(seconds=10)
    assert m.ran.count("quick") == 5
    assert m.ran.count("hourly") == 1
    assert [outcome for _, outcome, _ in m.rows("quick")] == ["success"] * 5
    assert [at for at, _, _ in m.rows("quick")] == [START + i * FIVE for i in range(5)]


def test_slots_missed_while_nothing_ran_are_written_down_and_the_hourly_job_catches_up_once(tmp_path: Path) -> None:
    m = Made(tmp_path)
    m.scheduler.tick()
    m.room.clock.tick(hours=3, minutes=4)
    m.scheduler.tick()
    m.scheduler.tick()
    quick = [outcome for _, outcome, _ in m.rows("quick")]
    assert quick == ["success"] + ["missed"] * 36, "four minutes late is too late for a job of five"
    assert m.rows("hourly")[1:] == [
        (START + HOUR, "missed", "scheduled"), (START + 2 * HOUR, "missed", "scheduled"),
        (START + 3 * HOUR, "success", "catchup"),
    ]  # fmt: skip
    m.room.clock.tick(minutes=1)
    m.scheduler.tick()
    assert m.rows("quick")[-1] == (START + 3 * HOUR + FIVE, "success", "scheduled")


def test_a_clock_that_goes_back_repeats_no_slot(tmp_path: Path) -> None:
    m = Made(tmp_path)
    for _ in range(3):
        m.scheduler.tick()
        m.room.clock.tick(minutes=5)
    m.room.clock.tick(hours=-2)
    for _ in range(24):
        m.scheduler.tick()
        m.room.clock.tick(minutes=5)
    slots = [at for at, _, _ in m.rows("quick")]
    assert len(slots) == len(set(slots)) == 3
    m.scheduler.tick()
    assert len(m.rows("quick")) == 4


def test_a_job_that_fails_is_told_with_its_error_and_counted_in_a_row(tmp_path: Path) -> None:
    good = [True]

    def shaky() -> dict[str, int]:
        if not good[0]:
            raise ValueError("the disk is away")
        return {}

    m = Made(tmp_path, shaky)
    for fine in (True, False, False, False):
        good[0] = fine
        m.scheduler.tick()
        m.room.clock.tick(minutes=5)
    (row,) = m.room.reader.query("SELECT * FROM job_health WHERE job = 'quick'").iter_rows(named=True)
    assert (row["last_outcome"], row["last_error"]) == ("failure", "ValueError: the disk is away")
    assert (row["consecutive_failures"], row["success_rate_24h"]) == (3, 0.25)
    assert row["next_slot_ts"] == START + 4 * FIVE
    good[0] = True
    m.scheduler.tick()
    assert m.room.reader.query("SELECT consecutive_failures FROM job_health WHERE job = 'quick'").item() == 0


def test_a_slot_that_comes_while_the_job_still_runs_is_skipped_and_says_so(tmp_path: Path) -> None:
    inner: list[str] = []
    m = Made(tmp_path)

    def slow() -> dict[str, int]:
        m.room.clock.tick(minutes=5)
        inner.extend(run.outcome for run in Scheduler(m.room.ledger, [job], JOB, m.room.clock).tick())
        return {}

    job = Job("slow", FIVE, slow)
    Scheduler(m.room.ledger, [job], JOB, m.room.clock).tick()
    assert inner == ["skipped_overlap"]
    assert [outcome for _, outcome, _ in m.rows("slow")] == ["success", "skipped_overlap"]


def _slow() -> dict[str, Any]:
    time.sleep(0.05)
    return {}


def test_a_run_that_takes_too_long_is_a_timeout(tmp_path: Path) -> None:
    m = Made(tmp_path)
    job = Job("long", timedelta(milliseconds=20), _slow)
    (run,) = Scheduler(m.room.ledger, [job], JOB, m.room.clock).tick()
    assert run.outcome == "timeout"


def test_a_paused_job_does_not_run_until_it_is_resumed_or_the_pause_ends(tmp_path: Path) -> None:
    m = Made(tmp_path)
    m.scheduler.pause("quick", until=START + HOUR, reason="maintenance")
    m.scheduler.tick()
    assert m.ran == ["hourly"]
    m.scheduler.resume("quick")
    m.room.clock.tick(minutes=5)
    m.scheduler.tick()
    m.scheduler.pause("quick", until=START + HOUR, reason="maintenance")
    m.room.clock.tick(hours=2)
    m.scheduler.tick()
    assert m.ran.count("quick") == 2
    assert m.room.reader.query("SELECT count(*) AS n FROM events WHERE kind LIKE 'job.%'").item() == 3


def test_a_job_is_run_at_once_by_name(tmp_path: Path) -> None:
    m = Made(tmp_path)
    assert m.scheduler.run_now("quick").outcome == "success"
    m.scheduler.tick()
    assert m.ran.count("quick") == 2
    with pytest.raises(UsageError, match="there are quick, hourly"):
        m.scheduler.run_now("slow")


def test_a_slow_job_delays_no_other(tmp_path: Path) -> None:
    m = Made(tmp_path)
    started, released, stop = threading.Event(), threading.Event(), threading.Event()

    def slow() -> dict[str, int]:
        started.set()
        released.wait(30)
        return {}

    def quick() -> dict[str, int]:
        if started.wait(30):
            released.set()
        return {}

    jobs = [Job("slow", FIVE, slow), Job("quick", FIVE, quick)]
    runner = threading.Thread(
        target=Scheduler(m.room.ledger, jobs, JOB, m.room.clock).run_forever, args=(stop, 0.01), daemon=True
    )
    runner.start()
    assert released.wait(30), "the quick job ran while the slow one did"
    stop.set()
    runner.join(30)
    assert sorted(m.rows("slow") + m.rows("quick")) == [(START, "success", "scheduled")] * 2


RUNNER = """
import sys, time, threading
from datetime import timedelta
from pathlib import Path
from engine.actor import Actor
from engine.scheduler import Scheduler
from engine.slots import Job
from storage.ledger import Ledger
home, seconds = Path(sys.argv[1]), float(sys.argv[2])
def work():
    if (home.parent / "hang").exists():
        (home.parent / "hanging").touch()
        time.sleep(60)
    return {}
jobs = [Job(f"job-{i}", timedelta(milliseconds=250), work) for i in range(2)]
scheduler = Scheduler(Ledger(home), jobs, Actor("racer", "scheduler", "here"))
stop = threading.Event()
threading.Timer(seconds, stop.set).start()
scheduler.run_forever(stop, 0.01)
"""


def _start(ledger: Path, seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", RUNNER, str(ledger), str(seconds)])


def test_four_schedulers_at_once_run_every_slot_once(tmp_path: Path) -> None:
    r = room(tmp_path, deployed=False)
    racers = [_start(r.ledger.path, 2.2) for _ in range(4)]
    assert [racer.wait(timeout=60) for racer in racers] == [0] * 4
    runs = r.reader.query("SELECT job, slot_ts, outcome, pid FROM job_runs")
    assert runs.select("job", "slot_ts").is_duplicated().sum() == 0
    assert runs.filter(outcome="running").height == 0
    for _, rows in runs.group_by("job"):
        span = (rows["slot_ts"].max() - rows["slot_ts"].min()) / timedelta(milliseconds=250)
        assert rows.height == round(span) + 1, "no slot without a row"
    assert (runs["outcome"] == "success").sum() > 5


def test_a_scheduler_that_was_suspended_finds_its_slots_missed_and_runs_none_twice(tmp_path: Path) -> None:
    """Stopped as by a closed lid."""
    r = room(tmp_path, deployed=False)
    sleeper = _start(r.ledger.path, 2.5)
    for _ in range(600):
        if r.reader.query("SELECT count(*) AS n FROM job_runs WHERE outcome = 'success'").item() >= 4:
            break
        time.sleep(0.05)
    os.kill(sleeper.pid, signal.SIGSTOP)
    time.sleep(0.9)
    os.kill(sleeper.pid, signal.SIGCONT)
    assert sleeper.wait(timeout=60) == 0
    runs = r.reader.query("SELECT job, slot_ts, outcome FROM job_runs")
    assert runs.select("job", "slot_ts").is_duplicated().sum() == 0
    assert (runs["outcome"] == "missed").sum() >= 4, "what was slept through is written down"
    for _, rows in runs.group_by("job"):
        assert rows.height == round((rows["slot_ts"].max() - rows["slot_ts"].min()) / timedelta(milliseconds=250)) + 1


def test_a_run_whose_process_was_killed_is_closed_and_the_next_scheduler_goes_on(tmp_path: Path) -> None:
    r = room(tmp_path, deployed=False)
    (r.ledger.path.parent / "hang").touch()
    victim = _start(r.ledger.path, 60.0)
    for _ in range(600):
        if (r.ledger.path.parent / "hanging").exists():
            break
        time.sleep(0.05)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait(timeout=10)
    assert r.reader.query("SELECT outcome FROM job_runs WHERE job = 'job-0'")["outcome"][0] == "running"
    (r.ledger.path.parent / "hang").unlink()
    assert _start(r.ledger.path, 1.0).wait(timeout=60) == 0
    runs = r.reader.query("SELECT outcome, error, pid FROM job_runs WHERE job = 'job-0' ORDER BY id")
    first = runs.row(0, named=True)
    assert (first["outcome"], first["error"], first["pid"]) == ("failure", "the process that ran it died", victim.pid)
    assert runs.filter(pl.col("outcome") == "success").height > 0
