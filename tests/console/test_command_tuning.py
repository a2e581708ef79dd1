"""The commands of tuning: what a search finds, what is recorded, and the limits changed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.room import Room as Opened
from tests.console.command_line import CommandLine
from tests.modelops import Room, labels, predictions, room


def land(made: Room, n: int, first: int, minute: float) -> None:
    """Scores of census that a threshold of 0.7 tells far better than the 0.5 that runs."""
    rng = np.random.default_rng(first)
    truth = rng.random(n) < 0.4
    score = np.where(truth, rng.uniform(0.66, 1.0, n), rng.uniform(0.3, 0.72, n))
    made.lake.append({
        "predictions": predictions([(minute + i / 20, float(s)) for i, s in enumerate(score)], first=first),
        "labels": labels([bool(t) for t in truth], first=first, minute=minute + n / 20),
    }, kind="judge")  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Room:
    return room(tmp_path)


@pytest.fixture
def ask(made: Room, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(made.lake.home.path, capfd)


def test_too_few_labels_are_said_to_be_too_few_and_how_many_are_missing(made: Room, ask: CommandLine) -> None:
    land(made, 40, 0, 0)
    answer = ask("data-sufficiency", "census")
    (row,) = answer.rows
    assert answer.code == 1
    assert (row["labels"], row["missing"], row["sufficient"]) == (40, 60, False)
    assert "60 more labelled predictions" in row["detail"]
    assert row["hours_to_go"] > 0
    (found,) = ask("tune", "census", "--dry-run").rows
    assert found["verdict"] == "inconclusive"


def test_enough_labels_suffice(made: Room, ask: CommandLine) -> None:
    land(made, 800, 0, 0)
    answer = ask("data-sufficiency")
    assert (answer.code, answer.rows[0]["sufficient"]) == (0, True)
    assert 0 < answer.rows[0]["n_for_gain"] < 800, "so great a gain is certain with fewer"


def test_a_rehearsed_search_records_nothing(made: Room, ask: CommandLine) -> None:
    land(made, 800, 0, 0)
    (found,) = ask("tune", "census", "--dry-run").rows
    assert (found["current_threshold"], found["best_threshold"]) == (0.5, 0.6), "a tenth at a time"
    assert len(found["trend"]) == len(found["places"]) == 9
    assert ask("auto-tuning-history").rows == []
    assert ask("show-thresholds").rows[0]["threshold"] == 0.5


def test_a_gain_found_twice_is_applied_told_and_in_the_history(made: Room, ask: CommandLine) -> None:
    land(made, 800, 0, 0)
    (first,) = ask("tune", "census", "--yes").rows
    assert first["verdict"] == "proposed"
    land(made, 800, 800, 60)
    answer = ask("tune", "census", "--yes")
    assert answer.rows[0]["verdict"] == "applied"
    assert "closed" not in answer.said.splitlines()[-1]
    (shown,) = ask("show-thresholds").rows
    assert (shown["threshold"], shown["set_by_kind"]) == (0.6, "tune")
    history = ask("auto-tuning-history", "census").rows
    assert [run["verdict"] for run in history] == ["applied", "proposed"]
    assert len(ask("auto-tuning-history", "--limit", "1").rows) == 1
    (report,) = ask("auto-tuning-report", "--last-week").rows
    assert (report["runs"], report["applied"], report["proposed"]) == (2, 1, 1)
    assert report["claimed_gain"] > 0.05
    assert report["trend"] == [0.5, 0.5]


def test_a_script_must_say_yes(ask: CommandLine) -> None:
    assert ask("tune", "census").code == 5
    assert ask("update-threshold", "census", "--accuracy", "0.9", "--reason", "x").code == 5


def test_an_objective_that_is_none_is_refused_with_those_there_are(ask: CommandLine) -> None:
    answer = ask("tune", "census", "--objective", "beauty", "--dry-run")
    assert answer.code == 2
    assert "recall@fpr" in answer.said


def test_the_limit_of_accuracy_is_changed_with_who_and_why(made: Room, ask: CommandLine) -> None:
    answer = ask("update-threshold", "census", "--accuracy", "0.9", "--severity", "critical", "--reason", "q3", "--yes")
    assert (answer.code, answer.rows[0]["alert_accuracy"]) == (0, 0.9)
    (shown,) = ask("show-thresholds").rows
    assert (shown["accuracy_limit"], shown["severity"]) == (0.9, "critical")
    reader = Opened.open(made.lake.home.path).reader
    (event,) = reader.query("SELECT * FROM events WHERE kind = 'model.alert_changed'").iter_rows(named=True)
    assert '"reason":"q3"' in event["body"]


def test_the_cut_off_is_a_setting_and_can_be_rolled_back(ask: CommandLine) -> None:
    assert ask("update-threshold", "census", "--decision", "0.75", "--reason", "noisy", "--yes").code == 0
    assert ask("show-thresholds").rows[0]["threshold"] == 0.75
    assert ask("rollback", "census", "--reason", "no", "--yes").code == 0
    assert ask("show-thresholds").rows[0]["threshold"] == 0.5


@pytest.mark.parametrize(
    "words",
    [(), ("--accuracy", "1.5"), ("--severity", "loud"), ("--decision", "7")],
    ids=["nothing", "accuracy", "severity", "decision"],
)
def test_a_limit_that_makes_no_sense_changes_nothing(ask: CommandLine, words: tuple[str, ...]) -> None:
    before = ask("show-thresholds").rows
    assert ask("update-threshold", "census", *words, "--reason", "x", "--yes").code == 2
    assert ask("show-thresholds").rows == before


def test_a_change_without_a_reason_is_refused(ask: CommandLine) -> None:
    answer = ask("update-threshold", "census", "--accuracy", "0.9", "--yes")
    assert answer.code == 2
    assert "--reason" in answer.said
