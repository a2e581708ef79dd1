"""`watchroom patterns`, and the ways out in a finding's detail."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.panes._details import finding_text
from engine.room import Room
from tests.console.command_line import CommandLine
from tests.engine.test_n1_patterns import LOOP, traces


@pytest.fixture
def ask(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    room = Room.open(tmp_path / "home", create=True)
    room.lake.append({"predictions": traces((LOOP, "blog"))}, kind="judge")
    return CommandLine(room.home.path, capfd)


def test_patterns_are_listed_shown_marked_and_reopened(ask: CommandLine) -> None:
    (listed,) = ask("patterns").rows
    assert (listed["state"], listed["detections"]) == ("open", 1)
    name = listed["pattern"][:8]
    ways = ask("patterns", "show", name, "--dialect", "mysql").rows
    assert {"SQLAlchemy", "Django", "Rails", "Laravel", "Doctrine", "Hibernate"} <= {way["stack"] for way in ways}
    assert "Rails: " in ask("patterns", "show", name, "--output", "table").out
    assert ask("patterns", "fixed", name, "--dry-run").code == 0
    assert ask("patterns").rows[0]["state"] == "open"
    assert ask("patterns", "fixed", name, "--reason", "includes(:author)", "--yes").rows[0]["state"] == "fixed"
    assert ask("patterns", "fixed", name, "--yes").code == 5
    assert ask("patterns", "--state", "open").rows == []
    assert ask("patterns", "reopen", name, "--yes").rows[0]["state"] == "open"
    assert ask("patterns", "fixed").code == 2


def test_a_finding_is_told_with_ways_out() -> None:
    text = finding_text(traces((LOOP, "blog")).row(0, named=True))
    assert "ways out" in text
    assert "Django: " in text
