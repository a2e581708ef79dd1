"""A rule's history says of now what its query says: one condition, asked of a moment or of all at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from engine import alerts
from engine.alert_rules import Rule, Seen, default_rules, parse_rules
from engine.analyses import Analyses
from engine.rule_history import history
from engine.scheduler import Scheduler
from engine.simulation import SIMULATED, simulate
from engine.slots import Job
from storage.clock import rfc3339
from storage.errors import QueryError
from tests.modelops import JOB, START, Room, card, labels, predictions, room

RULES = [rule for rule in default_rules() if rule.history]
STEP = timedelta(minutes=15)
HOURS = 4


def _poor(path: Path) -> Room:
    """Four hours in which about everything went wrong that a rule can see."""
    r = room(path)
    slow = predictions([(i / 2, 0.95) for i in range(60 * HOURS * 2)]).with_columns(analysis_ms=pl.lit(80.0))
    loops = '{"groups": [{"wasted_ms": 240.0, "count": 60}]}'
    slow = slow.with_columns(pl.lit(loops).alias("evidence"), pl.lit("a loop").alias("reason"))
    quiet = predictions([(5, 0.2)], model="silent", first=9_000)
    r.registry.register_card(card("silent"))
    r.registry.deploy("silent", "1.0.0", "production", reason="first")
    both = pl.concat([slow, quiet], how="diagonal")
    r.lake.append({"predictions": both, "labels": labels([True] * 300, minute=200)}, kind="judge")

    def shaky() -> dict[str, int]:
        if r.clock() > START + timedelta(hours=1):
            raise ValueError("the disk is away")
        return {}

    jobs = [Job(name, STEP, dict) for name in ("fine", "ml-registry-cleanup")]
    scheduler = Scheduler(r.ledger, [*jobs, Job("shaky", STEP, shaky)], JOB, r.clock)
    analyses = Analyses(r.ledger, "production", r.clock)
    for minute in range(60 * HOURS + 1):
        r.clock.now = START + timedelta(minutes=minute)
        scheduler.tick()
        for _ in range(5):
            analyses.count("census", "failure" if minute % 3 else "success")
    analyses.flush()
    r.registry.update_config("census", "production", {"threshold": 0.6}, reason="fewer alarms")
    _written(r)
    return r


def _written(r: Room) -> None:
    """What jobs would have written: counts of a cache, searches for a threshold, estimates."""
    now, before, first = (rfc3339(r.clock() - timedelta(minutes=i)) for i in (0, 60, 120))
    with r.ledger.write() as connection:
        connection.executemany(
            "INSERT INTO cache_count VALUES ('model_registry', ?, 5, 15)",
            [(rfc3339(r.clock() - timedelta(minutes=i)),) for i in range(50)],
        )
        connection.executemany(
            "INSERT INTO tuning_run (ts, model, environment, deployment_id, n, n_positive, objective,"
            " current_threshold, best_threshold, crossfit_gain, gates, curve, verdict, detail, check_verdict)"
            " VALUES (?, 'census', 'production', 1, 100, 30, 'f1', 0.5, 0.55, ?, '{}', '{}', ?, '', ?)",
            [
                (first, 0.001, "no_improvement", None),
                (before, 0.002, "no_improvement", None),
                (now, 0.003, "applied", "watching"),
            ],
        )
        connection.execute(
            "INSERT INTO degradation_check (ts, model, environment, deployment_id, metric, level, baseline, n, labels,"
            " detail) VALUES (?, 'census', 'production', 3, 'accuracy', 'ok', 0.9, 100, 100, '')",
            (now,),
        )
        connection.execute(
            "INSERT INTO estimate_check (ts, model, environment, deployment_id, metric, value, low, high, n,"
            " calibration, is_calibrated_band, warnings)"
            " VALUES (?, 'census', 'production', 3, 'accuracy', 0.7, 0.68, 0.72, 1000, 'platt', 1, '')",
            (now,),
        )


@pytest.fixture(scope="module")
def poor(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return _poor(tmp_path_factory.mktemp("poor"))


def _now(r: Room, rule: Rule) -> dict[str, Seen]:
    with r.reader.connect(rule.query) as connection:
        return {one.key: one for one in alerts.ask(connection, rule, r.clock()) if one.rule is rule}


def _then(r: Room, rule: Rule) -> dict[str, Seen]:
    """What its history says of this minute."""
    minute = timedelta(minutes=1)
    found = history(r.reader, [rule], r.clock() - minute, r.clock(), minute)
    return {one.key: one for moment, one in found.answers if moment == r.clock()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_history_says_of_now_what_the_query_says(poor: Room, rule: Rule) -> None:
    now, then = _now(poor, rule), _then(poor, rule)
    assert any(one.bad for one in now.values()), "the home must show what the rule is for"
    assert {key: (one.bad, one.severity, one.model, one.subject) for key, one in then.items()} == {
        key: (one.bad, one.severity, one.model, one.subject) for key, one in now.items()
    }
    for key, one in now.items():
        assert then[key].value == pytest.approx(one.value, rel=0.05)
        assert then[key].n == pytest.approx(one.n, rel=0.05)


def test_only_what_leaves_no_trace_cannot_be_simulated(poor: Room) -> None:
    found = history(poor.reader, default_rules(), START, poor.clock(), STEP)
    assert found.unanswered == ("channel_broken", "stale_labels")
    outcome = simulate([], step=STEP, others=found.answers)
    fired = set(outcome.by_day.filter(pl.col("fired") > 0)["rule"])
    assert {"job_failed_consecutively", "analysis_latency_high", "ml_success_rate_low", "no_data"} <= fired
    assert not fired & set(SIMULATED)


def test_a_history_that_cannot_be_asked_is_named(poor: Room) -> None:
    (rule,) = parse_rules(
        '[[rule]]\nname="odd"\ntitle="t"\nmessage="m"\nquery="SELECT 1 AS bad"\nhistory="SELECT nonsense FROM looks"',
        "r.toml",
    )
    with pytest.raises(QueryError, match="history of rule odd"):
        history(poor.reader, [rule], START, poor.clock(), STEP)
