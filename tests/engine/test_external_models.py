"""A model that runs elsewhere: its predictions and labels land as JSON lines, and it is run like one of ours."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from engine import alerts, degradation, tuning
from engine.alert_rules import default_rules
from engine.registry import Registry
from engine.versions import external_card
from storage.errors import UsageError
from storage.landing import Landing
from tests.modelops import JOB, START, Room, room

CENSUS = Path(__file__).parent / "data" / "census_employment_ma.parquet"


def _log(path: Path, rows: int, threshold: float) -> Path:
    """The first rows of the census stream, a prediction every 6 s with its label 90 s later, as JSON lines."""
    known = pl.read_parquet(CENSUS).filter(part="analysis").head(rows)
    at = pl.lit(START) + pl.int_range(pl.len()) * timedelta(seconds=6)
    subject = pl.format("person-{}", pl.int_range(pl.len()))
    said = known.select(
        pl.lit("prediction").alias("event"), at.alias("ts"), pl.lit("census").alias("model"),
        pl.lit("2.1").alias("version"), subject.alias("subject"), pl.col("score").cast(pl.Float64),
        pl.lit(threshold).alias("threshold"),
    )  # fmt: skip
    true = known.select(
        pl.lit("label").alias("event"), (at + timedelta(seconds=90)).alias("ts"), pl.lit("census").alias("model"),
        subject.alias("subject"), "truth",
    )  # fmt: skip
    log = path / "census.jsonl"
    log.write_text(said.write_ndjson() + true.write_ndjson())
    return log


def _land(path: Path, rows: int, threshold: float) -> Room:
    r = room(path, deployed=False)
    r.registry.register_card(external_card("census", "2.1", threshold=threshold), reason="runs on the batch host")
    r.registry.deploy("census", "2.1", "production", reason="as it runs there")
    Landing(r.lake, clock=r.clock).ingest([_log(path, rows, threshold)])
    r.clock.tick(days=1)
    return r


def test_it_is_measured_judged_and_tuned_like_one_of_ours(tmp_path: Path) -> None:
    r = _land(tmp_path, 6_000, 0.9)
    (row,) = r.reader.query("SELECT * FROM performance WHERE \"window\" = 'all'").iter_rows(named=True)
    known = pl.read_parquet(CENSUS).filter(part="analysis").head(6_000)
    assert row["n"] == 6_000
    assert row["accuracy"] == pytest.approx(((known["score"] >= 0.9) == known["truth"]).mean())
    assert row["label_delay_s"] == 90.0
    found = degradation.check(r.reader, r.ledger, JOB, r.clock)
    assert [check.metric for _, check in found if check.level != "no_data"] == ["accuracy", "f1"]
    alerts.evaluate(r.reader, r.ledger, r.clock, JOB, rules=default_rules())
    assert "model_accuracy_below_threshold" in r.reader.query("SELECT rule FROM open_alerts")["rule"].to_list()
    mine = Registry(r.ledger, JOB, r.clock)
    runs = [tuning.tune(r.reader, mine, mine.config("census", "production")) for _ in range(2)]
    assert [run.verdict for run in runs] == ["proposed", "applied"]
    assert mine.config("census", "production").threshold == pytest.approx(0.85)
    back = r.registry.rollback(
        r.registry.plan_rollback("census", "production"), reason="the batch host must follow first"
    )
    assert back.threshold == 0.9


def test_a_detectors_name_cannot_be_taken() -> None:
    with pytest.raises(UsageError, match="is a detector"):
        external_card("n1-detector", "2.0", threshold=0.5)
    with pytest.raises(UsageError, match="between 0 and 1"):
        external_card("census", "2.1", threshold=60)
