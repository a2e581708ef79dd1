"""Who is told of an alert, when and how often: through a real log and a real HTTP receiver."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from engine import alerts, digest, notices
from engine.alert_rules import Rule
from tests.engine.receivers import Desk, http
from tests.modelops import IDRIS, JOB, START, labels, predictions, room


def test_a_cause_is_told_once_repeated_after_hours_and_told_to_be_over(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        assert desk.ask("a") == ["a is bad"]
        assert desk.ask("a") == desk.ask("a") == []
        assert desk.ask("a", hours=4) == ["still: a is bad"]
        assert desk.ask() == ["resolved: a is bad"]
        assert desk.ask() == []
    log = desk.path.read_text()
    assert "[WARNING] a is bad | since 2026-03-02 09:05 UTC, alert 1 | look: watchroom look a" in log
    assert "resolved: a is bad" in log


def test_what_fires_together_is_one_notice(tmp_path: Path) -> None:
    with http() as receiver:
        assert Desk(tmp_path, receiver).ask("a", "b", "c") == ["a is bad (and 2 more)"]


def test_who_takes_an_alert_on_is_left_alone(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        desk.ask("a")
        alerts.acknowledge(desk.room.ledger, 1, IDRIS, desk.room.clock)
        assert desk.ask("a", hours=4) == []
        assert desk.ask("a", hours=5) == ["still: a is bad"], "eight hours are over"


def test_an_alert_is_not_told_while_one_that_says_enough_fires(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        root = Rule("root", "t", "SELECT 'a' AS model, $bad AS bad", "root of {model}", settings={"bad": True})
        leaf = Rule("leaf", "t", "SELECT 'a' AS model, true AS bad", "leaf of {model}", inhibited_by=("root",))
        over = Rule("root", "t", root.query, root.message, keep_minutes=0, settings={"bad": False})
        told = []
        for rules in ((root, leaf), (root, leaf), (over, leaf)):
            desk.room.clock.tick(minutes=5)
            r = desk.room
            alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=rules, channels=desk.channels)
            told.append(desk.deliver())
        assert told == [["root of a"], [], ["leaf of a", "resolved: root of a"]]


def test_a_cause_that_comes_back_within_hours_is_one_notice_and_the_rest_is_in_the_digest(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        r, told = desk.room, []
        for bad in (True, False, True, False, True):
            attack = Rule("x", "t", "SELECT 'waf' AS model, $bad AS bad", "attack", "critical", keep_minutes=0,
                          again_hours=12, settings={"bad": bad})  # fmt: skip
            r.clock.tick(hours=1)
            alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=[attack], channels=desk.channels)
            told += desk.deliver()
        assert told == ["attack", "resolved: attack"]
        r.clock.tick(days=1)
        (notice,) = digest.send_due(r.reader, r.ledger, desk.channels, r.clock)
        assert "2 notices were held back" in notice.title


def test_a_silence_for_all_of_a_model_holds_for_alerts_to_come_and_ends(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        alerts.silence_all(desk.room.ledger, IDRIS, START + timedelta(hours=1), desk.room.clock, model="a", reason="x")
        assert desk.ask("a", "b") == ["b is bad"]
        assert desk.ask("a", "b", hours=1) == ["a is bad"]


def test_a_silence_that_is_ended_is_over_at_once(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        clock = desk.room.clock
        alerts.silence_all(desk.room.ledger, IDRIS, START + timedelta(hours=9), clock, model="a", reason="x")
        assert desk.ask("a") == []
        assert alerts.end_silences(desk.room.ledger, IDRIS, clock, model="a") == 1
        assert desk.ask("a") == ["a is bad"]


def test_more_than_a_few_warnings_wait_for_the_digest_and_critical_ones_never(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        told: list[str] = []
        for i in range(8):
            told += desk.ask(*(f"m{j}" for j in range(i + 1)))
        assert told == ["m0 is bad", "m1 is bad", "m2 is bad"], "three in four hours"
        assert desk.ask("urgent", *(f"m{j}" for j in range(8)), severity="critical")[0].startswith("urgent")
        desk.room.clock.tick(days=1)
        (notice,) = digest.send_due(desk.room.reader, desk.room.ledger, desk.channels, desk.room.clock)
        assert digest.send_due(desk.room.reader, desk.room.ledger, desk.channels, desk.room.clock) == []
        assert "5 notices were held back" in notice.title
        assert len(notice.lines) == 5
        assert desk.deliver() == [notice.title]


def test_info_goes_to_the_digest_only(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver, min_severity="info")
        assert desk.ask("a", severity="info") == []
        desk.room.clock.tick(days=1)
        assert digest.send_due(desk.room.reader, desk.room.ledger, desk.channels, desk.room.clock)


def test_an_escalation_comes_only_if_nobody_took_it_on(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver, escalate_after_minutes=15)
        assert desk.ask("a", severity="critical") == []
        assert desk.ask("a", severity="critical", minutes=16) == ["a is bad"]
    with http() as receiver:
        desk = Desk(tmp_path / "two", receiver, escalate_after_minutes=15)
        desk.ask("a", severity="critical")
        alerts.acknowledge(desk.room.ledger, 1, IDRIS, desk.room.clock)
        assert desk.ask("a", severity="critical", minutes=16) == []


def test_nothing_of_a_log_steers_a_terminal_or_a_mail() -> None:
    assert notices.clean("a\x1b[31m\r\nBcc: x\x9b\x00 b") == "a [31m Bcc: x b"


def test_the_weekly_summary_comes_once_on_a_monday(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        assert START.weekday() == 0
        (notice,) = digest.send_due(desk.room.reader, desk.room.ledger, desk.channels, desk.room.clock)
        assert notice.kind == "weekly"
        digest.send_due(desk.room.reader, desk.room.ledger, desk.channels, desk.room.clock)
        assert len(desk.deliver()) == 1


def test_the_weekly_summary_says_how_each_model_did_beside_the_week_before(tmp_path: Path) -> None:
    r, days = room(tmp_path), 24 * 60
    for day, right in ((1, [True] * 8 + [False] * 2), (9, [True] * 9 + [False])):
        made = predictions([(day * days + i, 0.9) for i in range(10)], first=10 * day)
        known = labels(right, first=10 * day, minute=day * days + 20)
        r.lake.append({"predictions": made, "labels": known}, kind="judge")
    notice = digest.weekly_summary(r.reader, START + timedelta(days=14))
    assert "census 1.0.0 in production" in notice.lines[0]
    assert "this week 0.900, the week before 0.800" in notice.lines[0]


def test_of_warnings_that_come_all_day_four_are_told(tmp_path: Path) -> None:
    with http() as receiver:
        desk = Desk(tmp_path, receiver)
        told = [text for i in range(8) for text in desk.ask(f"m{i}", hours=3) if not text.startswith("resolved")]
    assert len(told) == 4, "under five a day"
