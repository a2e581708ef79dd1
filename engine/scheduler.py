"""The periodic jobs: exactly one run a slot, however many processes schedule, and no slot without a row.

A slot is taken by inserting its row; the unique key lets one process win. What was missed (the machine slept, nothing
ran) is written down as `missed`, and made up for once where the job catches up. A run that is still going when the next
slot comes makes that one `skipped_overlap`; one whose process died is closed as a failure by whoever looks next.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.actor import Actor
from engine.slots import Job, missed, slot
from storage.audit import append
from storage.clock import Clock, monotonic_s, parse_rfc3339, rfc3339, utc_now
from storage.errors import UnavailableError, UsageError
from storage.ledger import Ledger

log = logging.getLogger("watchroom.scheduler")


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job, or a slot that had none; `outcome` is running, success, failure, timeout, missed, ..."""

    id: int
    job: str
    slot_ts: datetime
    outcome: str
    trigger: str
    late_s: float | None
    duration_s: float | None
    error: str | None
    output: Mapping[str, Any]


class Scheduler:
    """Runs jobs when they are due. `tick` is called about once a second; it never raises for a job that fails."""

    def __init__(self, ledger: Ledger, jobs: Sequence[Job], actor: Actor, clock: Clock = utc_now) -> None:
        self.ledger = ledger
        self.jobs = {job.name: job for job in jobs}
        self.actor = actor
        self.clock = clock
        self._write_down_the_schedule()

    def tick(self) -> list[JobRun]:
        """Run every job that is due, one after the other; returns what was run or found missed."""
        return [run for job in self.jobs.values() for run in self._due(job)]

    def run_forever(self, stop: threading.Event, every_s: float = 1.0) -> None:
        """Run what is due until `stop` is set, each job in a thread of its own, so that a slow one delays no other."""
        threads = [
            threading.Thread(target=self._follow, args=(job, stop, every_s), name=job.name, daemon=True)
            for job in self.jobs.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _follow(self, job: Job, stop: threading.Event, every_s: float) -> None:
        while not stop.is_set():
            try:
                self._due(job)
            except UnavailableError as error:
                log.warning("%s waits: %s", job.name, error)
            stop.wait(every_s)
        self.ledger.close()

    def run_now(self, name: str) -> JobRun:
        """Run a job at once, whatever its slot. Raises UsageError for an unknown job."""
        job = self._job(name)
        now = self.clock()
        with self.ledger.write() as connection:
            number = self._insert(connection, job, now, "running", "manual", None)
        assert number is not None
        return self._run(job, number, now, "manual", 0.0)

    def pause(self, name: str, *, until: datetime, reason: str) -> None:
        """Run a job no more until that moment."""
        self._job(name)
        ts = rfc3339(self.clock())
        with self.ledger.write() as connection:
            connection.execute(
                "INSERT INTO job_control (job, paused_by, paused_until, reason) VALUES (?, ?, ?, ?) ON CONFLICT (job)"
                " DO UPDATE SET paused_by = excluded.paused_by, paused_until = excluded.paused_until,"
                " reason = excluded.reason, row_version = row_version + 1",
                (name, self.actor.name, rfc3339(until), reason),
            )
            append(connection, self.actor, ts=ts, kind="job.paused", subject=name,
                   body={"until": rfc3339(until), "reason": reason})  # fmt: skip

    def resume(self, name: str) -> None:
        """Run a paused job again, from its next slot on."""
        self._job(name)
        with self.ledger.write() as connection:
            connection.execute("DELETE FROM job_control WHERE job = ?", (name,))
            append(connection, self.actor, ts=rfc3339(self.clock()), kind="job.resumed", subject=name, body={})

    def _job(self, name: str) -> Job:
        if name not in self.jobs:
            raise UsageError(f"no job {name!r}; there are {', '.join(self.jobs)}")
        return self.jobs[name]

    def _due(self, job: Job) -> list[JobRun]:
        now = self.clock()
        current = slot(now, job.every)
        with self.ledger.read() as connection:
            last = _last_slot(connection, job)
            if last is not None and last >= current and not _is_running(connection, job):
                return []
        with self.ledger.write() as connection:
            self._close_the_dead(connection, job, now)
            last = _last_slot(connection, job)
            if last is not None and last >= current:
                return []
            paused = connection.execute(
                "SELECT 1 FROM job_control WHERE job = ? AND paused_until > ?", (job.name, rfc3339(now))
            ).fetchone()
            if paused is not None:
                self._insert(connection, job, current, "cancelled", "scheduled", None)
                return []
            gone = [
                self._found(connection, job, at, "missed") for at in (missed(last, current, job.every) if last else [])
            ]
            late = now - current
            on_time = last is None or late <= job.grace
            if not on_time and not job.catches_up:
                return [*gone, self._found(connection, job, current, "missed")]
            if _is_running(connection, job):
                return [*gone, self._found(connection, job, current, "skipped_overlap")]
            trigger = "scheduled" if on_time and not (gone and job.catches_up) else "catchup"
            number = self._insert(connection, job, current, "running", trigger, late.total_seconds())
        return [*gone, *([self._run(job, number, current, trigger, late.total_seconds())] if number else [])]

    def _found(self, connection: sqlite3.Connection, job: Job, at: datetime, outcome: str) -> JobRun:
        number = self._insert(connection, job, at, outcome, "scheduled", None)
        return JobRun(number or 0, job.name, at, outcome, "scheduled", None, None, None, {})

    def _insert(self, connection: sqlite3.Connection, job: Job, at: datetime, outcome: str, trigger: str,
                late_s: float | None) -> int | None:  # fmt: skip
        """The number of a new row; None if somebody else has the slot already."""
        started = rfc3339(self.clock()) if outcome == "running" else None
        done = connection.execute(
            "INSERT OR IGNORE INTO job_run (job, slot_ts, started_ts, outcome, trigger_kind, late_s, actor, host, pid)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (job.name, rfc3339(at), started, outcome, trigger, late_s, self.actor.name, self.actor.host, os.getpid()),
        )
        return done.lastrowid if done.rowcount else None

    def _run(self, job: Job, number: int, at: datetime, trigger: str, late_s: float) -> JobRun:
        began_s = monotonic_s()
        output: Mapping[str, Any] = {}
        error = None
        try:
            output = job.run()
            outcome = "success"
        except TimeoutError as failure:
            outcome, error = "timeout", str(failure)
        except Exception as failure:
            outcome, error = "failure", f"{type(failure).__name__}: {failure}"
        took_s = monotonic_s() - began_s
        if took_s > job.timeout.total_seconds():
            outcome, error = "timeout", error or f"took {took_s:.0f} s, {job.timeout.total_seconds():.0f} s are allowed"
        with self.ledger.write() as connection:
            connection.execute(
                "UPDATE job_run SET ended_ts = ?, outcome = ?, duration_s = ?, error = ?, output = ?"
                " WHERE id = ? AND outcome = 'running'",
                (rfc3339(self.clock()), outcome, took_s, error, json.dumps(output, default=str), number),
            )
        return JobRun(number, job.name, at, outcome, trigger, late_s, took_s, error, output)

    def _close_the_dead(self, connection: sqlite3.Connection, job: Job, now: datetime) -> None:
        """Close runs whose process is gone or that should have ended long ago."""
        rows = connection.execute(
            "SELECT id, host, pid, started_ts FROM job_run WHERE job = ? AND outcome = 'running'", (job.name,)
        ).fetchall()
        for row in rows:
            died = row["host"] == self.actor.host and not _is_alive(row["pid"])
            overdue = now - parse_rfc3339(row["started_ts"]) > job.every + timedelta(minutes=1)
            if died or overdue:
                connection.execute(
                    "UPDATE job_run SET outcome = ?, ended_ts = ?, error = ? WHERE id = ?",
                    ("failure" if died else "timeout", rfc3339(now),
                     "the process that ran it died" if died else "it never came to an end", row["id"]),
                )  # fmt: skip

    def _write_down_the_schedule(self) -> None:
        ts = rfc3339(self.clock())
        with self.ledger.write() as connection:
            connection.executemany(
                "INSERT INTO job_schedule VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (job) DO UPDATE SET"
                " every_s = excluded.every_s, timeout_s = excluded.timeout_s, catches_up = excluded.catches_up,"
                " about = excluded.about, updated_ts = excluded.updated_ts",
                [
                    (job.name, job.every.total_seconds(), job.timeout.total_seconds(), int(job.catches_up), job.about,
                     ts)
                    for job in self.jobs.values()
                ],
            )  # fmt: skip


def _last_slot(connection: sqlite3.Connection, job: Job) -> datetime | None:
    row = connection.execute(
        "SELECT max(slot_ts) AS last FROM job_run WHERE job = ? AND trigger_kind IN ('scheduled', 'catchup')",
        (job.name,),
    ).fetchone()
    return parse_rfc3339(row["last"]) if row["last"] else None


def _is_running(connection: sqlite3.Connection, job: Job) -> bool:
    return (
        connection.execute("SELECT 1 FROM job_run WHERE job = ? AND outcome = 'running'", (job.name,)).fetchone()
        is not None
    )


def _is_alive(pid: int) -> bool:
    """Whether a process of that number lives here; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return Path("/proc/self").exists() is False and _answers(pid)
    return state not in ("Z", "X")


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
