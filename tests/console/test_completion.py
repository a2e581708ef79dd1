"""Tab in a shell: commands, and the names that the home knows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.completion import job_names, model_names
from tests.modelops import card, room


def test_a_shell_is_offered_commands_and_models(tmp_path: Path) -> None:
    room(tmp_path).registry.register_card(card("census-two"))
    for words, offered in (
        ("watchroom rollback-", ["rollback-config", "rollback-version"]),
        ("watchroom show-config census", ["census", "census-two"]),
    ):
        known = {"WATCHROOM_HOME": str(tmp_path / "home"), "_WATCHROOM_COMPLETE": "complete_bash", "COMP_WORDS": words,
                 "COMP_CWORD": str(words.count(" "))}  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "console"], env=os.environ | known, capture_output=True, text=True, timeout=60
        )
        assert done.stdout.split() == offered


def test_where_there_is_no_home_nothing_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHROOM_HOME", str(tmp_path / "absent"))
    assert model_names("") == []
    assert not (tmp_path / "absent").exists()
    assert job_names("ml-r") == ["ml-registry-cleanup"]
