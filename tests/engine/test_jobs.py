"""The four jobs, run as the scheduler runs them, over a home with a model whose accuracy is too low."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.config import Config, TuningConfig
from engine.jobs import LOG_NAME, NAMES, Operations, in_child, schedule
from engine.registry import Registry
from engine.room import Room as HomeRoom
from engine.scheduler import Scheduler
from storage.errors import UsageError
from tests.modelops import JOB, Room, labels, predictions, room


def _operations(r: Room, config: Config | None = None) -> Operations:
    mine = Registry(r.ledger, JOB, r.clock)
    return Operations(HomeRoom(r.lake.home, r.lake, r.ledger, r.reader, mine, r.clock), config or Config())


def _poor(path: Path) -> Room:
    r = room(path)
    made = predictions([(i / 10, 0.9) for i in range(400)])
    r.lake.append({"predictions": made, "labels": labels([True, True, False, True] * 100)}, kind="judge")
    return r


def test_a_day_of_jobs_leaves_the_phrases_that_people_grep_for(tmp_path: Path) -> None:
    r = _poor(tmp_path)
    operations = _operations(r)
    scheduler = Scheduler(r.ledger, schedule(operations.run), JOB, r.clock)
    outcomes = {run.outcome for _ in range(3) for run in (scheduler.tick(), r.clock.tick(minutes=5))[0]}
    assert outcomes == {"success"}
    log = (r.lake.home.path / LOG_NAME).read_text()
    for phrase in ("Performance monitoring executed successfully", "census status: monitored (accuracy: 0.75)",
                   "Degradation detection executed successfully", "Auto-tuning completed (census: ",
                   "Registry cleanup completed", "[WARNING] Performance Warning: census accuracy 0.750"):  # fmt: skip
        assert phrase in log
    assert log.count("[WARNING] Performance Warning") == 1
    assert r.reader.query("SELECT model, state FROM open_alerts WHERE severity <> 'info'").rows() == [
        ("census", "firing")
    ]
    health = r.reader.query("SELECT job, last_outcome FROM job_health")
    assert health.rows() == [(name, "success") for name in NAMES]


def test_tuning_can_be_turned_off(tmp_path: Path) -> None:
    r = _poor(tmp_path)
    off = _operations(r, Config(tuning=TuningConfig(enabled=False)))
    assert off.run("ml-auto-tuning") == {"enabled": False}
    assert r.reader.query("SELECT * FROM tuning_runs").height == 0


def test_the_cleanup_takes_what_is_old_and_keeps_what_was_decided(tmp_path: Path) -> None:
    r = _poor(tmp_path)
    operations = _operations(r)
    scheduler = Scheduler(r.ledger, schedule(operations.run), JOB, r.clock)
    for _ in range(2):
        scheduler.tick()
        r.clock.tick(minutes=15)
    deployments = r.reader.query("SELECT * FROM deployments").height
    r.clock.tick(days=200)
    gone = operations.run("ml-registry-cleanup")["gone"]
    assert gone["degradation_check"] == 2, "two looks at two metrics, the newest of each stays"
    assert gone["job_run"] > 0
    assert r.reader.query("SELECT * FROM deployments").height == deployments
    assert operations.run("ml-registry-cleanup")["gone"]["degradation_check"] == 0


def test_a_broken_event_log_fails_the_cleanup_and_is_told(tmp_path: Path) -> None:
    r = _poor(tmp_path)
    with r.ledger.write() as connection:
        connection.execute("DROP TRIGGER event_is_never_changed")
        connection.execute("UPDATE event SET actor = 'nobody' WHERE seq = 2")
    with pytest.raises(RuntimeError, match="broken at event 2: its content was changed"):
        _operations(r).run("ml-registry-cleanup")
    (alarm,) = r.reader.query("SELECT rule, severity, state FROM open_alerts").rows()
    assert alarm == ("integrity_broken", "critical", "firing")
    log = (r.lake.home.path / LOG_NAME).read_text()
    assert "[CRITICAL] monitoring failed: the event log is broken at event 2" in log
    assert "[CRITICAL] ml-registry-cleanup monitoring failed: RuntimeError: the event log is broken" in log


def test_an_unknown_job_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are ml-performance-monitoring"):
        _operations(room(tmp_path)).run("ml-nothing")


def test_a_job_runs_in_a_process_of_its_own_and_its_failure_comes_back_in_one_line(tmp_path: Path) -> None:
    r = _poor(tmp_path)
    run = in_child(r.lake.home.path)
    assert run("ml-performance-monitoring")["models"] == 1
    (r.lake.home.path / "rules.toml").write_text("[[rule]]\nname='x'\n")
    with pytest.raises(RuntimeError, match="rule 'x' needs 'title'"):
        run("ml-performance-monitoring")


def test_the_intervals_are_the_specifications() -> None:
    jobs = schedule(lambda _: {})
    assert [(job.name, job.every) for job in jobs] == list(
        zip(NAMES, (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)), strict=True)
    )
