"""The review queue on a command line: what is drawn, and labels that keep the chance they were drawn with."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.console.command_line import CommandLine
from tests.modelops import Room, predictions, room


@pytest.fixture
def made(tmp_path: Path) -> Room:
    r = room(tmp_path)
    r.lake.append({"predictions": predictions([(i / 10, (i % 100) / 100) for i in range(300)])}, kind="judge")
    return r


@pytest.fixture
def ask(made: Room, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(made.lake.home.path, capfd)


@contextmanager
def typed(text: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A terminal on which somebody typed `text`."""
    master, slave = pty.openpty()
    os.write(master, text.encode())
    with os.fdopen(slave, encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        yield
    os.close(master)


def test_the_queue_is_drawn_with_chances_and_a_label_keeps_its_own(made: Room, ask: CommandLine) -> None:
    queue = ask("review", "census", "--budget", "30").rows
    assert 15 <= len(queue) <= 45
    assert ask("review", "census", "--budget", "30").rows == queue, "asking again draws the same"
    near = [row["propensity"] for row in queue if abs(row["score"] - 0.5) < 0.05]
    far = [row["propensity"] for row in queue if abs(row["score"] - 0.5) > 0.4]
    assert min(near) > max(far) > 0
    first = queue[0]
    chance = str(first["propensity"])
    assert ask("label", "census", first["subject"], "true", "--propensity", chance, "--yes").code == 0
    (row,) = made.reader.query("SELECT subject, propensity FROM labels").iter_rows()
    assert row == (first["subject"], pytest.approx(first["propensity"]))
    assert first["subject"] not in {row["subject"] for row in ask("review", "census", "--budget", "30").rows}
    assert ask("label", "census", "s1", "true", "--propensity", "0", "--yes").code == 2
    (estimated,) = ask("estimate", "census").rows
    assert estimated["drawn_labels"] == 1
    assert 0.0 <= estimated["drawn_low"] <= estimated["drawn"] <= estimated["drawn_high"] + 1e-9
    assert ask("estimate", "census", "--metric", "fpr").code == 0


def test_a_person_is_asked_verdict_by_verdict(made: Room, ask: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = ask("review", "census", "--budget", "30").rows
    with typed("t\nwhat?\nf\ns\nq\n", monkeypatch):
        done = ask("review", "census", "--budget", "30", "--label", "--yes").rows
    assert [(row["subject"], row["truth"]) for row in done] == [
        (queue[0]["subject"], True), (queue[1]["subject"], False)]  # fmt: skip
    known = made.reader.query("SELECT subject, propensity, note FROM labels ORDER BY ts, subject")
    assert set(known["note"]) == {"review"}
    assert sorted(known["propensity"]) == pytest.approx(sorted(row["propensity"] for row in queue[:2]))


def test_without_a_terminal_nobody_is_asked(made: Room, ask: CommandLine) -> None:
    assert ask("review", "census", "--label").code == 5
    assert made.reader.query("SELECT count(*) AS n FROM labels").item() == 0
