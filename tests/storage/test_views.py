"""The views, against numbers worked out another way: every number on a screen is one of theirs."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from storage.sql import about, views
from tests.modelops import START, Room, card, labels, predictions, room


def _land(r: Room, **frames: pl.DataFrame) -> None:
    r.lake.append(frames, kind="judge")


def _stream(r: Room, n: int = 1500, seed: int = 7) -> pl.DataFrame:
    """`n` labelled predictions, one a minute; returns them with their truth, oldest first."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.3
    score = np.clip(rng.beta(2, 5, n) + truth * 0.35, 0, 1)
    made = predictions([(i, float(s)) for i, s in enumerate(score)])
    _land(r, predictions=made, labels=labels([bool(t) for t in truth], minute=n + 60.0))
    return made.with_columns(pl.Series("truth", truth))


@pytest.mark.parametrize("name", sorted(views()))
def test_every_view_says_what_it_shows_and_works_in_an_empty_home(tmp_path: Path, name: str) -> None:
    r = room(tmp_path, deployed=False)
    assert len(about(name)) > 20
    assert r.reader.query(f'SELECT * FROM "{name}"').height == 0


def test_performance_agrees_with_scikit_learn_in_each_window(tmp_path: Path) -> None:
    from sklearn import metrics

    r = room(tmp_path)
    stream = _stream(r)
    got = r.reader.query("SELECT * FROM performance")
    assert got["window"].to_list() == ["last_100", "last_1000", "all"]
    for row, size in zip(got.iter_rows(named=True), (100, 1000, 1500), strict=True):
        part = stream.tail(size)
        truth, flagged = part["truth"].to_numpy(), part["flagged"].to_numpy()
        tn, fp, fn, tp = metrics.confusion_matrix(truth, flagged).ravel()
        assert (row["n"], row["tp"], row["fp"], row["fn"], row["tn"]) == (size, tp, fp, fn, tn)
        assert row["accuracy"] == pytest.approx(metrics.accuracy_score(truth, flagged))
        assert row["precision"] == pytest.approx(metrics.precision_score(truth, flagged))
        assert row["recall"] == pytest.approx(metrics.recall_score(truth, flagged))
        assert row["f1"] == pytest.approx(metrics.f1_score(truth, flagged))
        assert row["fpr"] == pytest.approx(fp / (fp + tn))
        assert row["mcc"] == pytest.approx(metrics.matthews_corrcoef(truth, flagged))
        assert row["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, flagged))
        assert row["mean_confidence"] == pytest.approx(part["score"].mean())
        assert (row["latency_p50_ms"], row["latency_p99_ms"]) == (4.0, 4.0)
        assert (row["predictions"], row["flagged"]) == (1500, stream["flagged"].sum())
        assert (row["first_ts"], row["last_ts"]) == (part["ts"].min(), part["ts"].max())
        assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]


def test_the_interval_is_wilsons(tmp_path: Path) -> None:
    r = room(tmp_path)
    _land(r, predictions=predictions([(i, 0.9) for i in range(10)]), labels=labels([True] * 8 + [False] * 2))
    (row,) = r.reader.query("SELECT * FROM performance WHERE \"window\" = 'all'").iter_rows(named=True)
    # Wilson's 95 % interval of 8 of 10, e.g. in Agresti & Coull 1998.
    assert row["accuracy_low"] == pytest.approx(0.4901625, abs=1e-6)
    assert row["accuracy_high"] == pytest.approx(0.9433178, abs=1e-6)


def test_a_ratio_without_a_denominator_is_null_not_zero(tmp_path: Path) -> None:
    r = room(tmp_path)
    _land(r, predictions=predictions([(0, 0.1), (1, 0.2)]), labels=labels([False, False]))
    (row,) = r.reader.query("SELECT * FROM performance WHERE \"window\" = 'all'").iter_rows(named=True)
    assert (row["n"], row["accuracy"], row["fpr"]) == (2, 1.0, 0.0)
    assert [row[name] for name in ("precision", "recall", "f1", "mcc", "balanced_accuracy")] == [None] * 5


def test_a_model_without_labels_has_rows_with_n_zero(tmp_path: Path) -> None:
    r = room(tmp_path)
    _land(r, predictions=predictions([(0, 0.1), (1, 0.9)]))
    got = r.reader.query("SELECT n, tp, accuracy, predictions, flagged FROM performance")
    assert got.rows() == [(0, 0, None, 2, 1)] * 3
    assert r.reader.query("SELECT state FROM performance_now").item() == "NO DATA"


def test_a_prediction_that_landed_twice_counts_once(tmp_path: Path) -> None:
    r = room(tmp_path)
    once = predictions([(0, 0.9), (1, 0.9)])
    _land(r, predictions=once, labels=labels([True, False]))
    _land(r, predictions=once)
    assert r.reader.query("SELECT count(*) AS n FROM labelled_predictions").item() == 2
    assert r.reader.query("SELECT sum(predictions) AS n FROM predictions_per_minute").item() == 2
    assert r.reader.query("SELECT count(*) AS n FROM findings").item() == 2


def test_a_prediction_judged_in_two_environments_counts_in_both(tmp_path: Path) -> None:
    r = room(tmp_path)
    here = predictions([(0, 0.9)])
    _land(r, predictions=pl.concat([here, here.with_columns(pl.lit("staging").alias("environment"))]))
    assert r.reader.query("SELECT environment FROM judgements ORDER BY 1")["environment"].to_list() == [
        "production", "staging"]  # fmt: skip


def test_predictions_from_elsewhere_without_id_version_or_verdict_are_completed(tmp_path: Path) -> None:
    r = room(tmp_path)
    bare = predictions([(0, 0.9), (1, 0.2)]).drop("prediction_id", "version", "environment", "flagged")
    _land(r, predictions=bare)
    _land(r, predictions=bare)
    got = r.reader.query("SELECT version, environment, flagged FROM judgements ORDER BY ts")
    assert got.rows() == [("unknown", "production", True), ("unknown", "production", False)]


def test_the_newest_label_of_a_subject_and_window_counts(tmp_path: Path) -> None:
    r = room(tmp_path)
    at = [START, START + timedelta(minutes=1), START + timedelta(minutes=2)]
    three = predictions([(0, 0.9), (1, 0.9), (2, 0.9)]).with_columns(pl.lit("s0").alias("subject"))
    _land(
        r, predictions=three,
        labels=pl.concat([
            labels([False], minute=10),                          # every window of s0
            labels([True], minute=20, window_start=at[1]),       # newer: this window is different
            labels([True], minute=5, window_start=at[2]),        # older than the one for all
        ]),
    )  # fmt: skip
    got = r.reader.query("SELECT truth, label_ts FROM labelled_predictions ORDER BY ts")
    assert got["truth"].to_list() == [False, True, False]
    assert got["label_ts"].to_list() == [START + timedelta(minutes=m) for m in (10, 20, 10)]


def test_a_label_without_truth_takes_the_earlier_one_back(tmp_path: Path) -> None:
    r = room(tmp_path)
    _land(
        r, predictions=predictions([(0, 0.9)]), labels=pl.concat([labels([True], minute=1), labels([None], minute=2)])
    )
    assert r.reader.query("SELECT * FROM labelled_predictions").height == 0


def test_accuracy_history_is_the_trailing_hundred_at_each_minute(tmp_path: Path) -> None:
    r = room(tmp_path)
    stream = _stream(r, 300)
    right = (stream["flagged"] == stream["truth"]).cast(pl.Float64)
    got = r.reader.query("SELECT * FROM accuracy_history")
    assert got.height == 300
    assert got["n"].to_list() == [min(i + 1, 100) for i in range(300)]
    assert got["accuracy"].to_list() == pytest.approx(right.rolling_mean(100, min_samples=1).to_list())


def test_what_runs_now_shows_its_own_versions_numbers_limit_and_threshold(tmp_path: Path) -> None:
    r = room(tmp_path)
    _land(r, predictions=predictions([(i, 0.9) for i in range(40)]), labels=labels([True] * 30 + [False] * 10))
    r.clock.tick(hours=1)
    (row,) = r.reader.query("SELECT * FROM performance_now").iter_rows(named=True)
    assert (row["acc100"], row["accuracy_limit"], row["state"]) == (0.75, 0.85, "WATCH")
    assert (row["threshold"], row["deployed_by"], row["deployed_ts"]) == (0.5, "mara", START)
    assert (row["predictions"], row["flagged"], row["predictions_per_min"]) == (40, 40, 1.0)
    r.registry.register_card(card(version="1.1.0"))
    r.registry.deploy("census", "1.1.0", "production", config={"threshold": 0.6}, reason="better")
    (row,) = r.reader.query("SELECT * FROM performance_now").iter_rows(named=True)
    assert (row["version"], row["threshold"], row["n"], row["state"]) == ("1.1.0", 0.6, 0, "NO DATA")


def test_the_history_of_deployments_answers_what_ran_at_a_time(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.registry.register_card(card(version="1.1.0"))
    r.clock.tick(hours=1)
    r.registry.deploy("census", "1.1.0", "production", config={"threshold": 0.6}, reason="better")
    ran = "SELECT version FROM deployments WHERE started_ts <= $1 AND (ended_ts IS NULL OR ended_ts > $1)"
    for minutes, version in ((30, "1.0.0"), (60, "1.1.0"), (90, "1.1.0")):
        assert r.reader.query(ran, [START + timedelta(minutes=minutes)]).item() == version
    assert r.reader.query("SELECT config FROM config_revisions").map_rows(lambda row: json.loads(row[0])["threshold"])[
        "map"
    ].to_list() == [0.6, 0.5]


def test_findings_are_the_flagged_ones_newest_first_with_the_truth_if_known(tmp_path: Path) -> None:
    r = room(tmp_path)
    _land(r, predictions=predictions([(0, 0.9), (1, 0.1), (2, 0.8)]), labels=labels([False]))
    got = r.reader.query("SELECT subject, truth FROM findings")
    assert got.rows() == [("s2", None), ("s0", False)]


def test_a_score_on_the_threshold_is_flagged_alike_by_sql_numpy_and_polars(tmp_path: Path) -> None:
    from engine.sweep import counts_at, grid, sweep

    r = room(tmp_path)
    places = grid(0.5, 0.9, 0.05)
    score = np.concatenate([places, np.nextafter(places, 0.0), np.nextafter(places, 1.0)])
    for threshold in places:
        sql = "SELECT s >= $2 AS f FROM (SELECT unnest($1::DOUBLE[]) AS s)"
        flagged = r.reader.query(sql, [score.tolist(), float(threshold)])["f"].to_list()
        assert flagged == (score >= threshold).tolist()
        assert flagged == (pl.Series(score) >= float(threshold)).to_list()
        truth = np.ones(score.size, bool)
        assert counts_at(score, truth, np.array([threshold])).tp[0] == sum(flagged)
        assert sweep(score, truth).on(np.array([threshold])).tp[0] == sum(flagged)
    land = predictions([(i, float(s)) for i, s in enumerate(places)]).with_columns(
        pl.Series("threshold", places), pl.lit(None, dtype=pl.Boolean).alias("flagged")
    )
    _land(r, predictions=land)
    assert r.reader.query("SELECT bool_and(flagged) AS f FROM judgements").item()
