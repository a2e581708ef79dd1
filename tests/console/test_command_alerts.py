"""The commands of alerts: rules asked and tested, the past replayed, alerts taken on and silenced, labels doubted."""

from __future__ import annotations

import re
import shlex
import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from console.cli import command_names
from engine import alerts, notices
from engine.alert_rules import default_rules, fill
from engine.room import Room
from storage.clock import utc_now
from tests.console import test_every_command
from tests.console.command_line import CommandLine, land_rights
from tests.console.homes import Hands, open_room
from tests.console.homes import fill as fill_home
from tests.modelops import labels, room


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three models and one alert."""
    path = tmp_path_factory.mktemp("alerts") / "home"
    clock = Hands(utc_now())
    made = open_room(path, clock)
    fill_home(made, clock)
    made.ledger.close()
    return path


@pytest.fixture
def ask(original: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    shutil.copytree(original, tmp_path / "home")
    return CommandLine(tmp_path / "home", capfd)


def test_every_rule_is_asked_and_nothing_is_changed(ask: CommandLine) -> None:
    before = Room.open(ask.home).reader.query("SELECT count(*) FROM event").item()
    answer = ask("alerts-test")
    assert answer.code == 0
    assert {row["rule"] for row in answer.rows} == {rule.name for rule in default_rules()}
    assert Room.open(ask.home).reader.query("SELECT count(*) FROM event").item() == before


def test_a_rule_that_cannot_be_asked_is_a_failure(ask: CommandLine) -> None:
    mine = '[[rule]]\nname = "mine"\ntitle = "t"\nquery = "SELECT true AS bad FROM nowhere"\nmessage = "m"\n'
    (ask.home / "rules.toml").write_text(mine, encoding="utf-8")
    answer = ask("alerts-test")
    assert answer.code == 1
    (row,) = [row for row in answer.rows if row["says"] == "error"]
    assert (row["rule"], "nowhere" in row["summary"]) == ("mine", True)


def test_tests_of_rules_pass_or_fail(ask: CommandLine, tmp_path: Path) -> None:
    test = '[[test]]\nrule = "model_accuracy_below_threshold"\nevery_minutes = 5\nsaid = "bbb"\nstate = "{}"\n'
    file = tmp_path / "tests.toml"
    file.write_text(test.format("pff"), encoding="utf-8")
    assert ask("alerts-test", str(file)).code == 0
    file.write_text(test.format("ppp"), encoding="utf-8")
    answer = ask("alerts-test", str(file))
    assert (answer.code, answer.rows[0]["got"]) == (1, "pff")
    assert ask("alerts-test", str(tmp_path / "gone.toml")).code == 2
    ours = ask("alerts", "test", "--tests")
    assert (ours.code, all(row["ok"] for row in ours.rows)) == (0, True)


def test_a_channel_is_tried_and_its_failure_told(ask: CommandLine, tmp_path: Path) -> None:
    config = f'[[channel]]\nkind = "log"\npath = "{tmp_path}/told.log"\n\n[[channel]]\nkind = "webhook"\n'
    config += 'url = "http://127.0.0.1:9/none"\nsecret = "s"\n'
    (ask.home / "watchroom.toml").write_text(config, encoding="utf-8")
    assert {row["state"] for row in ask("alerts-test", "--channels").rows} == {"unused"}
    answer = ask("alerts-test", "--send")
    assert answer.code == 1
    assert {row["channel"]: row["state"] for row in answer.rows} == {"log": "delivered", "webhook": "failed"}
    assert "a test notice" in (tmp_path / "told.log").read_text(encoding="utf-8")


def test_the_past_is_replayed_without_a_trace(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = room(tmp_path)
    ask = CommandLine(made.lake.home.path, capfd)
    assert ask("alerts-simulate").rows == []
    land_rights(made, pl.Series([True] * 600 + [False] * 600).to_numpy(), 0)
    answer = ask("alerts-simulate", "--every", "1min")
    assert {row["rule"] for row in answer.rows} == {"model_accuracy_below_threshold", "model_performance_degraded"}
    told = sum(row["told"] for row in answer.rows)
    assert f"{told} told" in answer.said
    assert answer.code == 0
    assert ask("alerts-simulate", "--every", "1min", "--budget", "0.5").code == 1
    assert ask("alerts", "--history").rows == []


def test_an_alert_is_taken_on_for_a_while(ask: CommandLine) -> None:
    (open_one,) = ask("alerts").rows
    number = str(open_one["id"])
    assert ask("acknowledge", number, "--dry-run").out == ""
    assert ask("acknowledge", number).code == 5, "a script must say --yes"
    answer = ask("acknowledge", number, "--for", "2h", "--note", "on it", "--yes")
    assert answer.rows[0]["note"] == "on it"
    (now,) = ask("alerts").rows
    assert now["acknowledged_by"] == answer.rows[0]["acknowledged_by"] is not None
    assert ask("acknowledge", "77", "--yes").code == 2
    assert ask("acknowledge", number, "--for", "ever", "--yes").code == 2


def test_one_alert_or_all_of_a_model_are_silenced_with_a_reason(ask: CommandLine) -> None:
    number = str(ask("alerts").rows[0]["id"])
    assert ask("silence", number, "--yes").code == 2, "why?"
    assert ask("silence", "--reason", "x", "--yes").code == 2, "which?"
    assert ask("silence", number, "--model", "n1-detector", "--reason", "x", "--yes").code == 2, "one or all?"
    assert ask("silence", number, "--for", "30min", "--reason", "known", "--yes").code == 0
    assert ask("alerts").rows[0]["silenced_by"] is not None
    assert ask("silence", "--model", "nonesuch", "--reason", "x", "--yes").code == 2
    assert ask("silence", "--model", "n1-detector", "--reason", "import", "--yes").rows[0]["silence"] == 1
    assert ask("audit", "log", "--kind", "silence").rows[0]["kind"] == "silence.created"


def test_what_was_taken_on_or_silenced_is_taken_back(ask: CommandLine) -> None:
    number = str(ask("alerts").rows[0]["id"])
    assert ask("acknowledge", number, "--release", "--yes").code == 5, "nobody has it"
    assert ask("silence", number, "--end", "--yes").code == 5, "it is not silent"
    ask("acknowledge", number, "--yes")
    ask("silence", number, "--reason", "known", "--yes")
    assert ask("acknowledge", number, "--release", "--yes").rows[0]["acknowledged_by"] is None
    assert ask("silence", number, "--end", "--yes").code == 0
    now = ask("alerts").rows[0]
    assert (now["acknowledged_by"], now["silenced_by"]) == (None, None)
    ask("silence", "--model", "n1-detector", "--reason", "import", "--yes")
    assert ask("silence", "--rule", "job_stale", "--end", "--yes").code == 5
    assert ask("silence", "--model", "n1-detector", "--end", "--yes").rows[0]["ended"] == 1
    assert ask("silence", "--model", "n1-detector", "--end", "--yes").code == 5


def test_labels_that_contradict_each_other_are_found(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = room(tmp_path)
    ask = CommandLine(made.lake.home.path, capfd)
    land_rights(made, pl.Series([True] * 50).to_numpy(), 0)
    assert ask("validate-ground-truth", "census").code == 0
    against = labels([False, False], minute=90.0).with_columns(pl.lit("idris").alias("actor"))
    made.lake.append({"labels": against}, kind="label")
    made.lake.append({"labels": labels([True], first=900)}, kind="label")
    answer = ask("validate-ground-truth", "census")
    found = {row["issue"]: row["n"] for row in answer.rows}
    assert answer.code == 1
    assert (found["conflicting"], found["orphan"]) == (2, 1)


def test_every_command_that_a_rule_or_a_notice_names_is_one() -> None:
    """The words under `look:` can be typed as they are."""
    hints = [fill(rule.look, {"model": "n1-detector", "environment": "production"}) for rule in default_rules()]
    source = Path(notices.__file__).read_text(encoding="utf-8") + Path(alerts.__file__).read_text(encoding="utf-8")
    hints += [f"watchroom {m} 1" for m in re.findall(r"take on: watchroom ([a-z-]+) \{", source)]
    assert len(hints) > 10
    for hint in filter(None, hints):
        words = shlex.split(hint)
        assert words[1] in command_names(), hint
        test_every_command.command(words[1]).make_context(words[1], words[2:], resilient_parsing=False)


def test_a_silence_ends_in_the_future(ask: CommandLine) -> None:
    (row,) = ask("alerts").rows
    given = ask("silence", str(row["id"]), "--for", "1h", "--reason", "x", "--yes").rows[0]
    assert given["until"] > (utc_now() + timedelta(minutes=59)).strftime("%Y-%m-%dT%H:%M")
