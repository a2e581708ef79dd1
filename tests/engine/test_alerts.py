"""Alerts: one per cause, raised after waiting, resolved with hysteresis, and every change written down."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import alert_life, alerts
from engine.alert_rules import Rule, Seen, default_rules, fill, load_rules, parse_rules, seen
from storage.audit import verify
from storage.errors import ConfigError, RefusedError, UsageError
from tests.modelops import IDRIS, JOB, START, HandClock, Room, labels, predictions, room

RULE = Rule("r", "t", "SELECT 1", "{model} at {value:.2f}", for_evaluations=2, keep_minutes=30, expire_hours=24)


def _answer(bad: bool | None, rule: Rule = RULE, **row: object) -> Seen:
    clear = None if bad is not None else False
    return seen(rule, {"model": "m", "environment": "production", "bad": bool(bad), "clear": clear, "value": 0.8} | row)


def _life(answers: str, rule: Rule = RULE, minutes: float = 5.0) -> list[str]:
    """The states after each answer, one every `minutes`: b bad, c clear, - in between; `.` where there is no alert."""
    clock, states = HandClock(), list[str]()
    alert: alert_life.Alert | None = None
    for letter in answers:
        answer = _answer({"b": True, "c": False, "-": None}[letter], rule)
        if alert is not None and alert.is_open:
            alert = alert_life.step(alert, answer, clock.now)
        elif letter == "b":
            alert = alert_life.begin(answer, clock.now)
        else:
            alert = None
        states.append("." if alert is None else alert.state[0])
        clock.tick(minutes=minutes)
    return states


def test_it_fires_at_the_second_bad_answer_and_is_resolved_after_half_an_hour_of_clear_ones() -> None:
    assert "".join(_life("bbb" + "c" * 8)) == "pff" + "r" * 6 + "r" + "."
    clock = HandClock()
    alert = alert_life.step(alert_life.begin(_answer(True), clock.now), _answer(True), clock.tick(minutes=5))
    for _ in range(6):
        alert = alert_life.step(alert, _answer(False), clock.tick(minutes=5))
        assert alert.state == "recovering"
    alert = alert_life.step(alert, _answer(False), clock.tick(minutes=5))
    assert (alert.state, alert.resolved_ts) == ("resolved", clock.now)


def test_a_single_bad_answer_is_no_alarm() -> None:
    assert "".join(_life("bcbcbc")) == "p" + "r" + "p" + "r" + "p" + "r"


def test_between_bad_and_clear_nothing_moves() -> None:
    assert "".join(_life("bb" + "-" * 10)) == "pf" + "f" * 10
    assert "".join(_life("bbc" + "-" * 10)) == "pfr" + "r" * 10


def test_a_bad_answer_while_recovering_fires_again_without_a_new_start() -> None:
    assert "".join(_life("bbcb")) == "pfrf"


def test_a_flapping_alert_is_held_firing_until_it_settles() -> None:
    quick = Rule("r", "t", "q", "m", for_evaluations=1, keep_minutes=0.0)
    clock, alert = HandClock(), None
    alert = alert_life.begin(_answer(True, quick), clock.now, recent="01" * 10)
    assert alert.is_flapping
    for _ in range(14):
        alert = alert_life.step(alert, _answer(False, quick), clock.tick(minutes=5))
        assert alert.state == "firing", "held, though every answer is clear"
    while alert.state == "firing":
        alert = alert_life.step(alert, _answer(False, quick), clock.tick(minutes=5))
    assert (alert.state, alert.is_flapping) == ("resolved", 0)


@given(st.text("bc-", max_size=80))
def test_an_open_alert_never_skips_a_state(answers: str) -> None:
    allowed = {"p": "pfr", "f": "fr", "r": "rfr.p", ".": ".p"}
    states = _life(answers)
    for before, after in zip([".", *states], states, strict=False):
        assert after in allowed[before]


def _accuracy(r: Room, right: int, wrong: int, *, first: int = 0, minute: float = 0.0) -> None:
    """Land labelled predictions of which `right` are right; newer than what landed with a smaller `minute`."""
    made = predictions([(minute + i / 1000, 0.9) for i in range(right + wrong)], first=first)
    truth = labels([True] * right + [False] * wrong, first=first, minute=minute + 1)
    r.lake.append({"predictions": made, "labels": truth}, kind="judge")


def _evaluate(r: Room, **by: float) -> list[tuple[str | None, str]]:
    r.clock.tick(**(by or {"minutes": 5}))
    rules = [x for x in default_rules() if x.name == "model_accuracy_below_threshold"]
    return [(c.from_state, c.to_state) for c in alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=rules)]


def test_accuracy_under_the_limit_is_raised_and_resolved_and_the_log_tells_the_story(tmp_path: Path) -> None:
    r = room(tmp_path)
    _accuracy(r, 80, 20)
    assert _evaluate(r) == [(None, "pending")]
    assert _evaluate(r) == [("pending", "firing")]
    assert _evaluate(r) == []
    (row,) = r.reader.query("SELECT * FROM open_alerts").iter_rows(named=True)
    assert (row["model"], row["severity"], row["value"], row["limit_value"], row["n"]) == (
        "census", "warning", 0.8, 0.85, 100)  # fmt: skip
    assert "census accuracy 0.800 under 0.85" in row["summary"]
    assert r.reader.query("SELECT state FROM performance_now").item() == "FIRING"
    _accuracy(r, 100, 0, first=100, minute=30)
    assert _evaluate(r) == [("firing", "recovering")]
    assert _evaluate(r) == []
    assert _evaluate(r, minutes=30) == [("recovering", "resolved")]
    assert r.reader.query("SELECT * FROM open_alerts").height == 0
    assert r.reader.query("SELECT to_state FROM alert_history ORDER BY id")["to_state"].to_list() == [
        "pending", "firing", "recovering", "resolved"]  # fmt: skip
    with r.ledger.read() as connection:
        assert verify(connection).intact
        assert connection.execute("SELECT count(*) FROM event WHERE kind LIKE 'alert.%'").fetchone()[0] == 4


def test_fewer_labels_than_the_minimum_raise_nothing(tmp_path: Path) -> None:
    r = room(tmp_path)
    _accuracy(r, 0, 19)
    assert _evaluate(r) == []


def test_an_alert_survives_a_restart_without_starting_anew(tmp_path: Path) -> None:
    r = room(tmp_path)
    _accuracy(r, 80, 20)
    _evaluate(r)
    _evaluate(r)
    fired = r.reader.query("SELECT id, fired_ts FROM open_alerts").row(0)
    r.ledger.close()
    assert _evaluate(r) == []
    assert r.reader.query("SELECT id, fired_ts FROM open_alerts").row(0) == fired


def test_an_alert_about_which_nothing_is_known_any_more_expires(tmp_path: Path) -> None:
    r = room(tmp_path)
    gone = Rule("gone", "t", "SELECT 'm' AS model, true AS bad WHERE $on = 1", "m", settings={"on": 1}, expire_hours=24)
    silent = Rule("gone", "t", gone.query, "m", settings={"on": 0}, expire_hours=24)
    alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=[gone])
    r.clock.tick(hours=23)
    assert alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=[silent]) == []
    r.clock.tick(hours=2)
    (change,) = alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=[silent])
    assert change.to_state == "expired"


def test_a_rule_that_fails_three_times_is_an_alert_itself_and_stops_no_other(tmp_path: Path) -> None:
    r = room(tmp_path)
    broken = Rule("broken", "t", "SELECT no_such_column AS bad", "m")
    fine = Rule("fine", "t", "SELECT 'm' AS model, true AS bad", "m")
    seen_states = []
    for _ in range(3):
        seen_states += [
            (c.alert.rule, c.to_state) for c in alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=[broken, fine])
        ]
    assert ("fine", "firing") in seen_states
    assert seen_states[-1] == ("rule_error", "firing")


def test_two_causes_of_one_rule_are_two_alerts_and_one_cause_is_one(tmp_path: Path) -> None:
    r = room(tmp_path)
    both = Rule("x", "t", "SELECT unnest(['a', 'b']) AS model, true AS bad", "m")
    for _ in range(3):
        alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=[both])
    assert r.reader.query("SELECT model FROM open_alerts ORDER BY 1")["model"].to_list() == ["a", "b"]


def test_an_alert_is_taken_on_and_silenced_by_name(tmp_path: Path) -> None:
    r = room(tmp_path)
    fires = Rule("x", "t", "SELECT 'm' AS model, true AS bad", "m")
    (change, *_) = alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=[fires])
    alerts.acknowledge(r.ledger, change.alert.id, IDRIS, r.clock, note="on it")
    alerts.silence(r.ledger, change.alert.id, IDRIS, START + timedelta(hours=2), r.clock)
    (row,) = r.reader.query("SELECT * FROM open_alerts").iter_rows(named=True)
    assert (row["acknowledged_by"], row["silenced_by"]) == ("idris", "idris")
    with pytest.raises(UsageError, match="no alert 77"):
        alerts.acknowledge(r.ledger, 77, IDRIS, r.clock)
    with pytest.raises(UsageError, match="future"):
        alerts.silence(r.ledger, change.alert.id, IDRIS, START, r.clock)


def test_an_alert_that_is_over_cannot_be_taken_on(tmp_path: Path) -> None:
    r = room(tmp_path)
    rule = Rule("x", "t", "SELECT 'm' AS model, $bad = 1 AS bad", "m", settings={"bad": 1}, for_evaluations=2)
    over = Rule("x", "t", rule.query, "m", settings={"bad": 0}, for_evaluations=2)
    (change,) = alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=[rule])
    alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=[over])
    with pytest.raises(RefusedError, match="resolved already"):
        alerts.acknowledge(r.ledger, change.alert.id, IDRIS, r.clock)


@pytest.mark.parametrize("rule", default_rules(), ids=lambda rule: rule.name)
def test_every_rule_that_comes_with_watchroom_can_be_asked_in_an_empty_home(tmp_path: Path, rule: Rule) -> None:
    r = room(tmp_path, deployed=False)
    assert r.reader.query(rule.query, rule.bound(r.clock())).filter(pl.col("bad")).height == 0
    assert fill(rule.message, {})


def test_a_file_of_rules_replaces_a_rule_by_name_and_adds_others(tmp_path: Path) -> None:
    own = tmp_path / "rules.toml"
    own.write_text(
        '[[rule]]\nname = "model_accuracy_below_threshold"\ntitle = "t"\nquery = "SELECT 1 AS bad"\nmessage = "m"\n'
        '[[rule]]\nname = "mine"\ntitle = "t"\nquery = "SELECT 1 AS bad"\nmessage = "m"\nseverity = "info"\n'
    )
    names = [rule.name for rule in load_rules(own)]
    assert sorted(names) == sorted({*(rule.name for rule in default_rules()), "mine"})
    assert next(r for r in load_rules(own) if r.name == "model_accuracy_below_threshold").query == "SELECT 1 AS bad"
    assert load_rules(tmp_path / "none.toml") == default_rules()


@pytest.mark.parametrize(("text", "what"), [
    ("[[rule]]\nname='x'\n", "needs 'title'"),
    ("[[rule]]\nname='x'\ntitel='t'\n", "did you mean 'title'"),
    ("[[rule]]\nname='x'\ntitle='t'\nquery='q'\nmessage='m'\nseverity='bad'", "severity is info"),
    ("[[rule]]\nname='x'\ntitle='t'\nquery='q'\nmessage='m'\nkeep_minutes='5'", "keep_minutes must be a number"),
    ("[[rule]]\nname='x'\ntitle='t'\nquery='SELECT $a'\nmessage='m'", r"asks for \$a"),
    ("[[rule]]\nname='x'\ntitle='t'\nquery='q'\nmessage='{m.__class__}'", "message names columns"),
    ("[[rule]]\nname='x'\ntitle='t'\nquery='q'\nmessage='{'", "message names columns"),
    ("rules = 1", "unknown key 'rules'"),
    ("[[rule", "rules.toml"),
])  # fmt: skip
def test_a_wrong_rule_is_named_with_what_is_wrong(text: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        parse_rules(text, "rules.toml")


def test_a_message_shows_null_as_a_dash() -> None:
    assert fill("{value:.3f} of {gone:>5}", {"value": None}) == "- of -"
