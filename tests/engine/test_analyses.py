"""Rounds of judging are counted by how they ended, and a model that fails stops no other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from engine.analyses import Analyses, Outcome
from engine.pipeline import ENDLESS, Pipeline
from engine.room import Room
from storage.schema import TABLES
from tests.modelops import START, HandClock


def _landed(path: Path) -> Room:
    """A request and a job; then the request's file is lost."""
    clock = HandClock()
    made = Room.open(path / "home", create=True, clock=clock)
    rows = {
        "requests": {"ts": [START], "client_ip": ["192.0.2.1"], "method": ["GET"], "path": ["/"], "status": [200]},
        "jobs": {"ts": [START], "job_id": ["j"], "job_type": ["mail"], "status": ["done"], "execution_ms": [5.0]},
    }
    made.lake.append({name: TABLES[name].conform(pl.DataFrame(row)) for name, row in rows.items()}, kind="land")
    for segment in made.lake.snapshot().of("requests"):
        segment.path.unlink()
    clock.tick(hours=1)
    return made


def test_a_model_that_fails_is_counted_and_stops_no_other(tmp_path: Path) -> None:
    r = _landed(tmp_path)
    analyses = Analyses(r.ledger, "production", r.clock)
    deployed = r.registry.deployed("production")
    done = analyses.judge(Pipeline(r.lake), deployed, lambda _table: ENDLESS, lambda _model: 1e9)
    assert {step.model: step.judged for step in done if step.judged} == {"queue-anomaly": 1}
    assert len(analyses.failures) == 1
    assert analyses.failures[0].startswith("waf-behavioral: ")
    analyses.flush()
    found = {row["model"]: row for row in r.reader.query("SELECT * FROM ml_success").to_dicts()}
    assert (found["queue-anomaly"]["success_rate"], found["queue-anomaly"]["attempts"]) == (1.0, 1)
    assert (found["waf-behavioral"]["success_rate"], found["waf-behavioral"]["failures"]) == (0.0, 1)


def test_rounds_are_summed_by_the_minute_over_all_processes_and_a_slow_one_is_no_success(tmp_path: Path) -> None:
    clock = HandClock()
    made = Room.open(tmp_path / "home", create=True, deploy=False, clock=clock)
    ended: tuple[Outcome, ...] = ("success", "success", "timeout", "failure")
    for outcome in ended:
        one = Analyses(made.ledger, "production", clock)
        one.count("waf-behavioral", outcome)
        one.flush()
        one.flush()
    clock.tick(minutes=30)
    late = Analyses(made.ledger, "production", clock)
    late.count("waf-behavioral", "success")
    late.flush()
    (row,) = made.reader.query("SELECT * FROM ml_success").to_dicts()
    assert (row["attempts_5m"], row["success_rate_5m"]) == (1, 1.0)
    assert (row["attempts_1h"], row["success_rate_1h"], row["timeouts"]) == (5, 0.6, 1)
    assert row["last_ts"] == START + timedelta(minutes=30)
