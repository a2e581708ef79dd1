"""What every detector keeps, held for each that is found."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from engine import detector as contract
from engine.detector import Detector, load, names
from engine.pipeline import Stamp, predict
from storage.errors import ConfigError
from storage.schema import PREDICTIONS, table

STAMP = Stamp("production", 1, "test")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def some_events(name: str, rows: int = 400, seed: int = 7) -> pl.DataFrame:
    """Plausible rows of a table, with gaps in what is known."""
    rng = np.random.default_rng(seed)

    def any_of(values: list[Any]) -> np.ndarray[Any, Any]:
        return rng.choice(np.array(values, dtype=object), rows)

    ts = [START + timedelta(seconds=float(s)) for s in np.sort(rng.uniform(0, 600, rows))]
    common = {"ts": ts, "source": ["t"] * rows, "byte_offset": list(range(rows))}
    if name == "requests":
        extra = {
            "client_ip": [f"203.0.113.{i}" for i in rng.integers(1, 9, rows)],
            "method": rng.choice(["GET", "POST"], rows),
            "path": any_of(["/", "/login", "/items/7", "/.env", None]),
            "query": any_of(["q=tea", "id=1' OR '1'='1", None]),
            "status": any_of([200, 302, 404, None]),
            "user_agent": any_of(["Mozilla/5.0 (X11; Linux x86_64)", "curl/8.0", None]),
        }
    elif name == "queries":
        extra = {
            "trace_id": any_of(["a" * 32, "b" * 32, None]),
            "session": rng.choice(["11", "12"], rows),
            "sql": rng.choice(["SELECT * FROM orders", "SELECT * FROM items WHERE order_id = 7", "BEGIN", "("], rows),
            "duration_ms": [None if x < 0.1 else float(x) for x in rng.exponential(1.0, rows)],
        }  # fmt: skip
    else:
        extra = {
            "job_id": [f"j{i}" for i in range(rows)],
            "job_type": rng.choice(["mail", "report"], rows),
            "queue": ["default"] * rows,
            "worker": any_of(["w1", "w2", None]),
            "status": rng.choice(["done", "failed"], rows),
            "execution_ms": [None if x < 0.05 else float(x) * 100 for x in rng.exponential(1.0, rows)],
            "wait_ms": rng.exponential(50.0, rows),
            "retry_count": rng.integers(0, 3, rows),
        }
    plain = {key: v.tolist() if isinstance(v, np.ndarray) else v for key, v in (common | extra).items()}
    return table(name).conform(pl.DataFrame(plain, strict=False))


def verdicts(kind: type[Detector], events: pl.DataFrame) -> pl.DataFrame:
    return predict(kind(), events.lazy(), STAMP)


@pytest.fixture(params=names())
def kind(request: pytest.FixtureRequest) -> type[Detector]:
    return load(request.param)


def test_the_three_models_are_there() -> None:
    assert {"n1-detector", "waf-behavioral", "queue-anomaly"} <= set(names())


def test_its_numbers_are_in_order(kind: type[Detector]) -> None:
    assert kind.threshold.low <= kind.threshold.default <= kind.threshold.high
    assert 0.5 < kind.alert_accuracy < 1.0
    assert kind.settle >= timedelta(0)
    assert kind.lookback >= timedelta(0)
    assert kind.span >= timedelta(0)
    assert kind.defaults()["threshold"] == kind.threshold.default


def test_it_says_what_it_is_and_shows_it_on_a_few_rows(kind: type[Detector]) -> None:
    """The docstring names its sources and holds a doctest."""
    module = inspect.getmodule(kind)
    text = (inspect.getdoc(module) or "") + (inspect.getdoc(kind) or "")
    assert ">>>" in text
    assert any(word in text for word in ("Source", "source", "Reference", "References"))


def test_predictions_are_whole(kind: type[Detector]) -> None:
    rows = verdicts(kind, some_events(kind.table))
    assert rows.height > 0
    assert rows.schema == PREDICTIONS.schema
    needed = (
        "prediction_id",
        "subject",
        "window_start",
        "window_end",
        "score",
        "flagged",
        "reason",
        "evidence",
        "features",
    )
    assert rows.select(pl.col(needed).null_count().sum()).row(0) == (0,) * len(needed)
    assert rows["score"].is_between(0.0, 1.0).all()
    assert rows["prediction_id"].n_unique() == rows.height
    assert (rows["window_start"] <= rows["window_end"]).all()
    if kind.grid is not None:
        assert (rows["window_end"].dt.truncate(kind.grid) == rows["window_end"]).all()
    for text in rows["evidence"].head(20).to_list() + rows["features"].head(20).to_list():
        json.loads(text)


def test_it_explains_every_figure_that_it_keeps(kind: type[Detector]) -> None:
    """Every column beside the verdict, and every key of the evidence."""
    rows = verdicts(kind, some_events(kind.table))
    kept, told = (set().union(*(json.loads(text) for text in rows[name])) for name in ("features", "evidence"))
    assert kept == set(kind.about.features)
    assert told == set(kind.about.evidence)
    assert kind.about.blind_spots


def test_the_threshold_only_draws_the_line(kind: type[Detector]) -> None:
    """Another threshold gives the same scores."""
    events = some_events(kind.table).lazy()
    one = predict(kind.configured({"threshold": kind.threshold.low}), events, STAMP)
    other = predict(kind.configured({"threshold": kind.threshold.high}), events, STAMP)
    assert one["score"].equals(other["score"])
    assert (one["flagged"] == (one["score"] >= kind.threshold.low)).all()


def test_it_is_deterministic_and_blind_to_order_and_duplicates(kind: type[Detector]) -> None:
    events = some_events(kind.table)
    shuffled = pl.concat([events, events.head(50)]).sample(fraction=1.0, shuffle=True, seed=3)
    columns = ["prediction_id", "score", "flagged", "reason", "evidence", "features"]
    first, second = verdicts(kind, events).select(columns), verdicts(kind, shuffled).select(columns)
    assert first.sort("prediction_id").equals(second.sort("prediction_id"))


def test_many_rows_of_one_subject_out_of_order_and_doubled_give_the_same(kind: type[Detector]) -> None:
    """Ten thousand here, a million by hand: one client, one trace, one job's name."""
    events = some_events(kind.table, 10_000)
    one = {"client_ip": "203.0.113.1", "trace_id": "a" * 32, "job_id": "j1"}
    alone = events.with_columns(pl.lit(v).alias(c) for c, v in one.items() if c in events.columns)
    mixed = pl.concat([alone.sample(fraction=1.0, shuffle=True, seed=3), alone.head(500)])
    columns = ["prediction_id", "score", "reason", "evidence", "features"]
    assert verdicts(kind, mixed).select(columns).equals(verdicts(kind, alone).select(columns))


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_little_is_enough(kind: type[Detector], rows: int) -> None:
    assert verdicts(kind, some_events(kind.table, max(rows, 1)).head(rows)).height <= rows


def test_nothing_known_is_no_crash(kind: type[Detector]) -> None:
    """Every column null but time and subject."""
    events = some_events(kind.table)
    keep = {"ts", "client_ip", "job_id", "trace_id", "sql", "job_type"}
    bare = events.with_columns(pl.lit(None, dtype=t).alias(c) for c, t in events.schema.items() if c not in keep)
    verdicts(kind, bare)


def test_nan_and_infinity_are_no_crash(kind: type[Detector]) -> None:
    events = some_events(kind.table)
    floats = [c for c, t in events.schema.items() if t == pl.Float64]
    odd = events.with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0).then(float("nan")).when(pl.int_range(pl.len()) % 3 == 1)
        .then(float("inf")).otherwise(pl.col(c)).alias(c) for c in floats
    )  # fmt: skip
    assert verdicts(kind, odd)["score"].is_finite().all()


def test_an_unknown_setting_is_refused_with_the_nearest(kind: type[Detector]) -> None:
    with pytest.raises(ConfigError, match="threshold"):
        kind.configured({"threshhold": 0.5})
    with pytest.raises(ConfigError, match="between 0 and 1"):
        kind.configured({"threshold": 7})


def test_names_are_found_without_importing() -> None:
    assert contract.names() == tuple(sorted(contract.names()))
