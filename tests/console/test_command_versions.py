"""The commands of versions that are no deployment: what they are bound to, and where they may go."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from engine.cleanup import check_integrity
from tests.console.command_line import CommandLine
from tests.modelops import Room, card, room


@pytest.fixture
def made(tmp_path: Path) -> Room:
    return room(tmp_path)


@pytest.fixture
def ask(made: Room, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(made.lake.home.path, capfd)


def test_a_version_is_moved_on_with_a_reason_and_one_that_runs_is_not(made: Room, ask: CommandLine) -> None:
    made.registry.register_card(card(version="1.1.0"), reason="next")
    move = ("transition-version", "census", "1.1.0", "rejected", "--reason", "worse in a test")
    assert ask(*move[:4], "--yes").code == 2, "why?"
    assert ask(*move, "--dry-run").code == 0
    assert ask(*move).code == 5, "a script must say --yes"
    assert ask(*move, "--yes").rows[0]["state"] == "rejected"
    refused = ask("deploy", "census", "--version", "1.1.0", "--env", "production", "--reason", "r", "--yes")
    assert (refused.code, "rejected" in refused.said) == (5, True)
    running = ask("transition-version", "census", "1.0.0", "archived", "--reason", "old", "--yes")
    assert (running.code, "runs in production" in running.said) == (5, True)


def test_a_model_that_runs_elsewhere_is_bound_to_its_file(made: Room, ask: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "census.onnx"
    file.write_bytes(b"weights")
    words = ("register-external-model", "census", "--version", "2.0", "--artefact", str(file), "--yes")
    assert ask(*words).code == 0
    (version,) = (v for v in made.registry.versions("census") if v.version == "2.0")
    assert version.sha256 == hashlib.sha256(b"weights").hexdigest()
    file.write_bytes(b"other weights")
    again = ask(*words)
    assert (again.code, "give the new code a new version" in again.said) == (5, True)
    assert ask(*words[:-2], str(tmp_path / "absent"), "--yes").code == 2
    made.registry.deploy("census", "2.0", "production", reason="r")
    assert check_integrity(made.ledger) == [], "its file is not here to be looked at"
