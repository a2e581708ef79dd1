"""The commands that tell how the models do, over a home with a past: a bad release of the WAF 42 minutes ago."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from console.period import since, span
from console.sparkline import sparkline
from engine import alerts
from engine.alert_rules import default_rules
from engine.room import Room
from storage.clock import utc_now
from storage.errors import UsageError
from tests.console.command_line import CommandLine, land_rights
from tests.console.homes import NOW, Hands, fill, open_room
from tests.modelops import JOB, room


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("performance") / "home"
    clock = Hands()
    fill(open_room(path, clock), clock)
    return path


@pytest.fixture
def ask(filled: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(filled, capfd)


def test_a_trend_says_which_version_falls(ask: CommandLine) -> None:
    rows = ask("performance-trends", "--days", "1").rows
    by = {(row["model"], row["version"]): row for row in rows}
    assert by["n1-detector", "1.0.0"]["direction"] == "steady"
    assert len(by["n1-detector", "1.0.0"]["trend"]) == by["n1-detector", "1.0.0"]["points"] > 10
    assert by["waf-behavioral", "1.1.0"]["accuracy"] < by["waf-behavioral", "1.0.0"]["accuracy"]


def test_the_points_of_a_trend_add_up_to_its_line(ask: CommandLine) -> None:
    line = {row["model"] + row["version"]: row["n"] for row in ask("performance-trends").rows}
    counted: dict[str, int] = {}
    for point in ask("performance-trends", "--points").rows:
        counted[point["model"] + point["version"]] = counted.get(point["model"] + point["version"], 0) + point["n"]
    assert counted == line


def test_a_trend_is_blocks_on_a_terminal_and_figures_for_programs(ask: CommandLine) -> None:
    table = ask("performance-trends", "--output", "table").out
    markdown = ask("performance-trends", "--output", "markdown").out
    assert "█" in table
    assert markdown.splitlines()[1].startswith("| --- |")
    assert len(markdown.splitlines()) == 2 + len(ask("performance-trends").rows)


def test_two_periods_at_once_are_refused(ask: CommandLine) -> None:
    assert ask("performance-trends", "--last-week", "--last-month").code == 2


def test_the_day_is_summed_up_from_the_same_verdicts_as_the_summary(ask: CommandLine, filled: Path) -> None:
    rows = ask("daily-summary", "--day", f"{NOW:%Y-%m-%d}").rows
    counted = Room.open(filled).reader.query(
        "SELECT model, version, count(*) FROM judgements WHERE CAST(ts AS DATE) = $1 GROUP BY ALL", [NOW.date()]
    )
    assert {(r["model"], r["version"], r["predictions"]) for r in rows} == set(counted.rows())
    assert all(sum(row["trend"]) == row["predictions"] for row in rows)
    assert {row["alerts"] for row in rows if row["model"] == "n1-detector"} == {0}


def test_a_day_without_verdicts_is_said_to_be_empty(ask: CommandLine) -> None:
    answer = ask("daily-summary", "--day", "2020-01-01", "--output", "table")
    assert (answer.code, answer.out) == (0, "")
    assert "nothing was judged" in answer.said


def test_versions_are_compared_measure_by_measure(ask: CommandLine) -> None:
    rows = {row["measure"]: row for row in ask("compare-versions", "waf-behavioral", "1.0.0", "1.1.0").rows}
    assert rows["accuracy"]["change"] == pytest.approx(rows["accuracy"]["1.1.0"] - rows["accuracy"]["1.0.0"])
    assert rows["accuracy"]["change"] < 0
    assert rows["judged_by_both"]["1.0.0"] == 0, "the versions judged at different times"


@pytest.mark.parametrize("pair", [("1.0.0", "9.9.9"), ("1.0.0", "1.0.0")])
def test_versions_that_cannot_be_compared_are_refused(ask: CommandLine, pair: tuple[str, str]) -> None:
    assert ask("compare-versions", "waf-behavioral", *pair).code == 2


def test_mistakes_are_grouped_and_none_is_lost(ask: CommandLine) -> None:
    groups = ask("analyze-errors", "waf-behavioral").rows
    single = ask("analyze-errors", "waf-behavioral", "--single").rows
    assert sum(group["n"] for group in groups) == len(single) > 0
    assert {group["error"] for group in groups} == {row["error"] for row in single}
    assert sum(group["share"] for group in groups) == pytest.approx(1.0)


def test_a_feature_that_separates_nothing_is_not_shown(ask: CommandLine) -> None:
    for row in ask("analyze-errors", "queue-anomaly", "--features").rows:
        assert 0 <= row["auc"] <= 1
        assert row["auc"] != 0.5


def test_looking_for_degradation_freezes_baselines_and_ends_with_what_it_found(ask: CommandLine) -> None:
    answer = ask("check-degradation")
    by = {row["model"]: row for row in answer.rows}
    assert set(by) == {"n1-detector", "queue-anomaly", "waf-behavioral"}
    assert by["n1-detector"]["level"] == "no_data"
    assert "300 are needed" in by["n1-detector"]["detail"]
    assert (by["waf-behavioral"]["level"], answer.code) == ("degraded", 1)
    assert "(predecessor)" in by["waf-behavioral"]["detail"], "1.1.0 is held against 1.0.0"


def test_details_tell_bounds_for_every_look_success_and_what_to_expect_without_labels(ask: CommandLine) -> None:
    rows = {row["window"]: row for row in ask("performance-details", "n1-detector").rows}
    whole = rows["all"]
    for name in ("accuracy", "precision", "recall", "f1", "fpr", "balanced_accuracy", "mcc"):
        assert whole[f"{name}_always_low"] <= whole[name] <= whole[f"{name}_always_high"]
        assert whole[f"{name}_always_low"] < whole[f"{name}_always_high"]
    assert "ml_success_rate" in whole
    assert 0.0 <= rows["last_1000"]["estimated_fpr_low"] <= rows["last_1000"]["estimated_fpr_high"] <= 1.0
    table = ask("performance-details", "n1-detector", "--output", "table")
    assert "without labels" in table.said
    (summary,) = (row for row in ask("performance-summary").rows if row["model"] == "n1-detector")
    assert summary["estimate_low"] <= summary["estimate"] <= summary["estimate_high"]
    assert "±" in ask("performance-summary", "--output", "table").out


def test_a_read_only_look_is_written_nowhere(ask: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    written = "SELECT (SELECT count(*) FROM degradation_check) + (SELECT count(*) FROM baseline) AS n"
    before = ask("sql", written).rows
    monkeypatch.setenv("WATCHROOM_READ_ONLY", "1")
    assert ask("check-degradation").code == 1
    assert ask("scheduler", "run-now", "ml-auto-tuning").code == 5
    assert ask("sql", written).rows == before


def test_a_model_that_fell_is_found_verified_and_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Good for 1,200 labels, bad for as many, and as bad on 800 that came after the alarm."""
    made = room(tmp_path)
    rng, looking = np.random.default_rng(5), CommandLine(tmp_path / "home", capfd)
    land_rights(made, rng.random(1_200) < 0.92, 0)
    assert looking("check-degradation").code == 0
    land_rights(made, rng.random(1_200) < 0.70, 1_200)
    rules = [rule for rule in default_rules() if rule.name == "model_performance_degraded"]
    for _ in range(2):
        assert looking("check-degradation").code == 1
        alerts.evaluate(made.reader, made.ledger, utc_now, JOB, rules=rules)
    assert looking("verify-degradation", "census").rows[0]["verdict"] == "no_labels"
    land_rights(made, rng.random(800) < 0.70, 2_400)
    (row,) = looking("check-degradation").rows
    assert (row["level"], row["verdict"]) == ("degraded", "confirmed")
    verified = looking("verify-degradation", "census")
    assert (verified.code, verified.rows[0]["verdict"]) == (1, "confirmed")
    incidents = looking("degradation-report", "--last-week").rows
    assert {row["metric"] for row in incidents} >= {"accuracy"}
    assert all(row["verdict"] == "confirmed" and row["over"] is None for row in incidents)


def test_an_alarm_that_never_was_is_neither_true_nor_false(ask: CommandLine) -> None:
    answer = ask("verify-degradation", "n1-detector")
    assert (answer.code, answer.rows[0]["verdict"]) == (0, "no_alarm")


def test_an_unknown_model_is_told_how_to_be_registered(ask: CommandLine) -> None:
    for command in ("verify-degradation", "analyze-errors", "check-degradation"):
        answer = ask(command, "nonesuch")
        assert answer.code == 2
        assert "register-model" in answer.said


@pytest.mark.parametrize(("text", "seconds"), [("90days", 90 * 86_400), ("2 weeks", 1_209_600), ("1.5h", 5_400)])
def test_spans_are_read_as_people_type_them(text: str, seconds: float) -> None:
    assert span(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "30", "5ms", "soon", "9 parsecs", "-3days"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        span(text)


def test_a_moment_is_a_span_ago_or_a_date() -> None:
    assert since("1 week ago", NOW) == since("7days", NOW)
    assert since("2026-03-01", NOW).isoformat() == "2026-03-01T00:00:00+00:00"
    assert since("2026-03-01T02:00:00+02:00", NOW) == since("2026-03-01", NOW)


def test_a_line_of_equal_figures_is_flat() -> None:
    assert set(sparkline([0.9, 0.9, 0.9])) == {"█"}
    assert sparkline([]) == ""
    assert sparkline([0, 1]) == "▁█"
