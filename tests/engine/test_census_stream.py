"""A real deployed model's 208,892 labelled predictions, at 600 labels an hour: 14.5 days in which little happened.

`data/census_employment_ma.parquet` holds score and truth of US census employment, Massachusetts, in the order of the
census file; data/README.md says where it is from.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine import alert_life
from engine.alert_rules import default_rules, seen
from engine.degradation import Baseline, replay
from engine.evidence import metric
from tests.modelops import START

CENSUS = Path(__file__).parent / "data" / "census_employment_ma.parquet"


def _stream() -> pl.DataFrame:
    return pl.read_parquet(CENSUS).filter(part="analysis").select(
        (pl.lit(START) + pl.int_range(pl.len()) * timedelta(seconds=6)).alias("ts"),
        (pl.col("score") >= 0.5).alias("flagged"), pl.col("truth"),
    )  # fmt: skip


def _baseline(name: str) -> Baseline:
    known = pl.read_parquet(CENSUS).filter(part="reference")
    value = metric(name, (known["score"] >= 0.5).to_numpy(), known["truth"].to_numpy())
    assert value is not None
    return Baseline(name, value, known.height, "validation")


def _fired(looks: pl.DataFrame, baseline: Baseline) -> list[int]:
    """After how many labels the rule `model_performance_degraded` fired, asked at each look."""
    rule = next(r for r in default_rules() if r.name == "model_performance_degraded")
    alert: alert_life.Alert | None = None
    fired: list[int] = []
    twice = (pl.col("level") == "degraded") & (pl.col("level").shift(1) == "degraded")
    for row in looks.with_columns(twice.fill_null(False).alias("twice")).iter_rows(named=True):
        clear = row["level"] != "degraded" and row["value"] >= baseline.value * 0.975
        answer = seen(rule, {"bad": row["twice"], "clear": clear, "severity": "warning"})
        before = alert.state if alert is not None and alert.is_open else None
        if alert is not None and before is not None:
            alert = alert_life.step(alert, answer, row["ts"])
        elif answer.bad:
            alert = alert_life.begin(answer, row["ts"])
        if alert is not None and alert.state == "firing" and before != "firing" and before != "recovering":
            fired.append(row["labels"])
    return fired


@pytest.mark.parametrize("name", ["accuracy", "f1"])
def test_the_rule_alarms_at_most_twice_where_the_plain_rule_alarms_347_times(name: str) -> None:
    stream, baseline = _stream(), _baseline(name)
    looks = replay(name, stream, baseline, every=150)
    assert looks.height > 1_380, "a look every 15 minutes"
    assert 1 <= len(_fired(looks, baseline)) <= 2


def test_the_plain_rule_alarms_347_times() -> None:
    stream, baseline = _stream(), _baseline("accuracy")
    right = (stream["flagged"] == stream["truth"]).cast(pl.Float64).rolling_mean(100).to_numpy()[99::50]
    bad = right <= baseline.value * 0.95
    assert int((bad[1:] & ~bad[:-1]).sum() + bad[0]) == 347


def test_a_drop_of_a_tenth_in_that_stream_is_found_within_a_thousand_labels() -> None:
    stream, baseline = _stream().head(30_000), _baseline("accuracy")
    delays = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        turned = (rng.random(10_000) < 0.127) & (stream["flagged"] == stream["truth"]).to_numpy()[20_000:]
        truth = stream["truth"].to_numpy().copy()
        truth[20_000:] ^= turned
        worse = stream.with_columns(pl.Series("truth", truth))
        fired = _fired(replay("accuracy", worse, baseline, every=50), baseline)
        after = [labels - 20_000 for labels in fired if labels > 20_000]
        delays.append(after[0])
    assert np.median(delays) <= 1_000
