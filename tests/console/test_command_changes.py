"""The commands that tell what was changed, hold it against what was meant, and let a second person decide."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from engine.approvals import Approvals
from tests.console.command_line import CommandLine, land_rights
from tests.modelops import IDRIS, Room, card, room


@pytest.fixture
def made(tmp_path: Path) -> Room:
    return room(tmp_path)


@pytest.fixture
def ask(made: Room, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(made.lake.home.path, capfd)


def set_limit(ask: CommandLine, value: int, *more: str) -> int:
    return ask("update-config", "census", "--set", f"limit={value}", "--reason", "load", "--yes", *more).code


def test_a_rollout_is_shown_with_what_it_judged_and_what_was_before(made: Room, ask: CommandLine) -> None:
    land_rights(made, np.ones(40, bool), 0)
    assert set_limit(ask, 200) == 0
    (row,) = ask("deployment-status", "census").rows
    assert (row["kind"], row["config_revision"], row["before_revision"]) == ("config", 2, 1)
    assert (row["judged"], row["accuracy_before"]) == (0, 1.0), "the new pair has judged nothing yet"
    assert len(ask("deployment-status", "--history").rows) == 2


def test_what_was_changed_lately_is_listed_setting_by_setting(made: Room, ask: CommandLine) -> None:
    made.registry.register_card(card(version="1.1.0"), reason="next")
    assert ask("deploy", "census", "--version", "1.1.0", "--env", "production", "--reason", "r", "--yes").code == 0
    assert set_limit(ask, 200) == 0
    assert ask("update-threshold", "census", "--accuracy", "0.9", "--reason", "r", "--yes").code == 0
    rows = ask("config-diff", "--since", "1 hour ago").rows
    assert {(r["setting"], str(r["before"]), str(r["after"])) for r in rows} == {
        ("version", "1.0.0", "1.1.0"), ("limit", "120", "200"), ("alert_accuracy", "0.85", "0.9"),
    }  # fmt: skip
    assert ask("config-diff", "--since", "2020-01-01").rows[-1]["after"] == "1.0.0"
    assert ask("config-diff", "--since", "soon").code == 2


def test_drift_names_the_deployment_that_brought_it(ask: CommandLine) -> None:
    assert (ask("config-drift-report").code, ask("config-drift-report").rows) == (0, [])
    assert set_limit(ask, 200) == 0
    assert ask("update-config", "census", "--set", "threshold=0.6", "--reason", "other", "--yes").code == 0
    answer = ask("config-drift-report")
    assert answer.code == 1
    drift = {row["setting"]: row for row in answer.rows}
    assert (drift["limit"]["value"], drift["limit"]["meant"], drift["limit"]["reason"]) == (200, 120, "load")
    assert drift["threshold"]["reason"] == "other"


def test_staging_is_held_against_production_only_in_the_same_version(made: Room, ask: CommandLine) -> None:
    made.registry.deploy("census", "1.0.0", "staging", config={"limit": 7}, reason="try")
    against = {(r["environment"], r["against"]) for r in ask("config-drift-report").rows}
    assert against == {("production", "staging"), ("staging", "default")}


def test_an_untouched_log_is_intact_and_a_changed_event_is_found(made: Room, ask: CommandLine) -> None:
    answer = ask("audit")
    assert (answer.code, answer.rows[0]["intact"]) == (0, True)
    head = answer.rows[0]["head"]
    assert set_limit(ask, 200) == 0
    assert ask("audit", "verify", "--head", head).code == 0
    assert ask("audit", "verify", "--head", "f" * 64).code == 1, "a log that was rewritten whole"
    with sqlite3.connect(made.lake.home.ledger) as connection:
        connection.execute("DROP TRIGGER event_is_never_changed")
        connection.execute("UPDATE event SET actor = 'nobody' WHERE seq = 2")
    answer = ask("audit")
    assert (answer.code, answer.rows[0]["broken_seq"]) == (1, 2)


def test_the_log_is_listed_by_kind(ask: CommandLine) -> None:
    assert set_limit(ask, 200) == 0
    rows = ask("audit", "log", "--kind", "deployment", "--since", "1h").rows
    assert [row["kind"] for row in rows] == ["deployment.config_changed"]


def test_a_protected_environment_needs_a_second_person_or_the_broken_glass(made: Room, ask: CommandLine) -> None:
    assert ask.plain("approvals", "protect", "--reason", "audit", "--yes").code == 0
    refused = ask("update-config", "census", "--set", "limit=200", "--reason", "load", "--yes")
    assert refused.code == 5
    assert "approvals request census" in refused.said
    asked = ask("approvals", "request", "census", "--set", "limit=200", "--reason", "load", "--yes")
    number = asked.rows[0]["id"]
    assert [row["id"] for row in ask("approvals").rows] == [number]
    assert ask("approvals", "approve", str(number), "--yes").code == 5, "by the one who asked"
    Approvals(made.ledger, IDRIS).decide(number, "approved")
    assert set_limit(ask, 200) == 0
    assert set_limit(ask, 300) == 5, "an approval is for one change"
    assert set_limit(ask, 300, "--break-glass", "outage") == 0
    assert '"break_glass":"outage"' in ask("audit", "log", "--limit", "1").rows[0]["body"]


@pytest.mark.parametrize(
    "words", [("request",), ("request", "census"), ("approve", "x"), ("approve", "77"), ("protect",)],
    ids=["no model", "no change", "no number", "no request", "no reason"],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_refused(ask: CommandLine, words: tuple[str, ...]) -> None:
    assert ask("approvals", *words, "--yes").code == 2


def test_the_configuration_says_where_each_value_comes_from(
    made: Room, ask: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.lake.home.config.write_text("[tuning]\nobjective = 'recall'\n", encoding="utf-8")
    monkeypatch.setenv("AUTO_TUNING_ENABLED", "false")
    shown = {row["key"]: row for row in ask("config", "show").rows}
    assert shown["tuning.objective"]["source"].endswith("watchroom.toml:2")
    assert (shown["tuning.enabled"]["value"], shown["tuning.enabled"]["source"]) == (False, "AUTO_TUNING_ENABLED")
    assert shown["tuning.apply"]["source"] == "default"
    assert {row["key"] for row in ask("config", "show", "--changed").rows} == {"tuning.objective", "tuning.enabled"}


def test_a_mistake_in_the_configuration_is_named_with_its_place(made: Room, ask: CommandLine) -> None:
    assert ask("config", "validate").code == 0
    made.lake.home.config.write_text("[tuning]\n\nobjectiv = 'recall'\n", encoding="utf-8")
    answer = ask("config", "validate")
    assert answer.code == 1
    (row,) = answer.rows
    assert (row["line"], row["key"]) == (3, "tuning.objectiv")
    assert "did you mean 'objective'" in row["message"]


def test_the_configuration_can_be_asked_before_there_is_a_home(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = CommandLine(tmp_path / "none", capfd)("config", "show")
    assert answer.code == 0
    assert not (tmp_path / "none").exists()


def test_the_example_of_the_page_is_a_configuration(
    made: Room, ask: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    made.lake.home.config.write_text(example, encoding="utf-8")
    made.lake.home.config.chmod(0o600)
    assert ask("config", "validate").code == 1, "its secret is not there"
    monkeypatch.setenv("SLACK_WEBHOOK", "https://hooks.example.org/x")
    assert ask("config", "validate").rows == []
    assert {row["state"] for row in ask("config-check").rows} == {"ok"}
    assert {row["channel"] for row in ask("alerts-test", "--channels").rows} == {"slack", "second line"}
