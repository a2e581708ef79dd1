"""The commands of the scheduler, with real runs in real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine import scheduler_process
from engine.jobs import NAMES
from storage.errors import RefusedError
from tests.console.command_line import CommandLine
from tests.modelops import Room, room


@pytest.fixture
def made(tmp_path: Path) -> Room:
    return room(tmp_path)


@pytest.fixture
def ask(made: Room, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(made.lake.home.path, capfd)


def test_jobs_that_nobody_ran_are_shown_and_not_healthy(ask: CommandLine) -> None:
    status = ask("scheduler-status")
    assert [row["job"] for row in status.rows] == list(NAMES)
    assert {row["state"] for row in status.rows} == {"never_ran"}
    assert all(row["next_run"] for row in status.rows)
    health = ask("scheduler-health")
    assert health.code == 1
    assert "scheduler-restart" in health.said


def test_a_job_runs_at_once_and_its_run_is_in_the_history(ask: CommandLine) -> None:
    answer = ask("scheduler", "run-now", "ml-registry-cleanup")
    assert (answer.code, answer.rows[0]["outcome"]) == (0, "success")
    (run,) = ask("scheduler", "history", "ml-registry-cleanup").rows
    assert (run["outcome"], run["trigger_kind"]) == ("success", "manual")
    states = {row["job"]: row["state"] for row in ask("scheduler-status").rows}
    assert states["ml-registry-cleanup"] == "ok"


def test_a_run_can_be_rehearsed(ask: CommandLine) -> None:
    assert ask("scheduler", "run-now", "ml-registry-cleanup", "--dry-run").code == 0
    assert ask("scheduler", "run", "--dry-run").code == 0
    assert ask("scheduler", "history").rows == []


def test_a_job_that_fails_ends_with_1_and_says_why(made: Room, ask: CommandLine) -> None:
    made.lake.home.config.write_text("[tuning]\nobjective = 'beauty'\n", encoding="utf-8")
    answer = ask("scheduler", "run-now", "ml-auto-tuning")
    assert answer.code == 1
    assert "beauty" in answer.rows[0]["error"]
    assert {r["job"]: r["state"] for r in ask("scheduler-health").rows}["ml-auto-tuning"] == "failing"


def test_a_job_is_paused_with_a_reason_and_resumed(ask: CommandLine) -> None:
    pause = ("scheduler", "pause", "ml-auto-tuning")
    assert ask.plain(*pause, "--yes").code == 2, "why?"
    assert ask.plain(*pause, "--for", "2h", "--reason", "migration", "--yes").code == 0
    assert {r["job"]: r["state"] for r in ask("scheduler-status").rows}["ml-auto-tuning"] == "paused"
    assert ask.plain("scheduler", "resume", "ml-auto-tuning", "--yes").code == 0
    assert {r["job"]: r["state"] for r in ask("scheduler-status").rows}["ml-auto-tuning"] == "never_ran"


@pytest.mark.parametrize(
    "words", [("run-now",), ("run-now", "nonesuch"), ("run", "ml-auto-tuning"), ("pause", "nonesuch", "--reason", "x")]
)
def test_a_job_that_is_none_is_refused(ask: CommandLine, words: tuple[str, ...]) -> None:
    assert ask("scheduler", *words, "--yes").code == 2


def test_a_scheduler_is_started_restarted_killed_and_started_again(made: Room, ask: CommandLine) -> None:
    """Each restart is another process; the lock of one that was killed is free."""
    home = made.lake.home
    try:
        first = ask("scheduler-restart", "--yes").rows[0]
        assert first["ended"] is None
        assert scheduler_process.running(home) == first["started"]
        assert f"scheduler process {first['started']}" in ask("scheduler-status").said
        assert ask("scheduler", "run").code == 5, "one a home"
        second = ask("scheduler-restart", "--yes").rows[0]
        assert second["ended"] == first["started"] != second["started"]
        os.kill(second["started"], signal.SIGKILL)
        os.waitpid(second["started"], 0)
        assert scheduler_process.running(home) is None
        third = ask("scheduler-restart", "--yes").rows[0]
        assert third["ended"] is None
        assert ask("scheduler-restart", "--stop", "--yes").rows[0] == {"ended": third["started"], "started": None}
    finally:
        scheduler_process.stop(home)


def test_a_scheduler_in_the_foreground_ends_when_told_to(made: Room) -> None:
    home = made.lake.home
    words = [sys.executable, "-m", "console", "scheduler", "run", "--home", str(home.path)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while scheduler_process.running(home) is None:
        assert process.poll() is None
    process.terminate()
    assert process.wait() == 143
    assert scheduler_process.running(home) is None


def test_there_is_one_scheduler_a_home(made: Room) -> None:
    home = made.lake.home
    with scheduler_process.held(home):
        assert scheduler_process.running(home) == os.getpid()
        with pytest.raises(RefusedError, match=str(os.getpid())), scheduler_process.held(home):
            pass
    assert scheduler_process.running(home) is None
