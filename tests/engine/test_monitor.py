"""Monitoring: calls of the views, restricted to what was asked for."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from engine import monitor
from tests.modelops import Room, labels, predictions, room


def _room(path: Path) -> Room:
    r = room(path)
    r.lake.append(
        {"predictions": predictions([(0, 0.9), (1, 0.9), (2, 0.1), (70, 0.6)]),
         "labels": labels([True, False, True])}, kind="judge")  # fmt: skip
    return r


def test_errors_are_what_was_wrong_newest_first_with_their_kind(tmp_path: Path) -> None:
    got = monitor.errors(_room(tmp_path).reader, "census")
    assert got.select("subject", "error").rows() == [("s2", "false_negative"), ("s1", "false_positive")]
    assert got["margin"].round(6).to_list() == [0.4, 0.4]


def test_recent_predictions_show_the_truth_where_it_is_known(tmp_path: Path) -> None:
    got = monitor.recent(_room(tmp_path).reader, "census", limit=3)
    assert got.select("subject", "truth").rows() == [("s3", None), ("s2", True), ("s1", False)]


def test_what_is_asked_for_is_all_that_comes(tmp_path: Path) -> None:
    r = _room(tmp_path)
    assert monitor.performance(r.reader).height == 3
    assert monitor.performance(r.reader, "census", "production").height == 3
    assert monitor.performance(r.reader, "census", "staging").height == 0
    assert monitor.performance_now(r.reader, "staging").height == 0
    assert monitor.findings(r.reader, "other").height == 0
    assert monitor.findings(r.reader, limit=1)["subject"].to_list() == ["s3"]
    assert monitor.predictions_per_minute(r.reader)["predictions"].to_list() == [1, 1, 1, 1]
    assert monitor.accuracy_history(r.reader, "census")["accuracy"].round(3).to_list() == [1.0, 0.5, 0.333]


def test_trends_have_a_row_a_day_and_version(tmp_path: Path) -> None:
    r = _room(tmp_path)
    r.lake.append(
        {"predictions": predictions([(24 * 60, 0.9)], first=9), "labels": labels([True], first=9)}, kind="judge"
    )
    got = monitor.trends(r.reader)
    assert got.select("n", "accuracy").rows() == [(3, 1 / 3), (1, 1.0)]
    assert monitor.trends(r.reader, days=0).height == 1


def test_two_versions_stand_side_by_side(tmp_path: Path) -> None:
    r = _room(tmp_path)
    r.lake.append({"predictions": predictions([(0, 0.2)], version="1.1.0")}, kind="judge")
    got = monitor.compare_versions(r.reader, "census", "1.0.0", "1.1.0")
    assert got.filter(window="all").select("version", "n").rows() == [("1.0.0", 3), ("1.1.0", 1)]


def test_the_bounds_that_hold_at_every_look_are_wider_and_widest_for_a_window_that_slides(tmp_path: Path) -> None:
    rows = monitor.performance(_room(tmp_path).reader)
    whole = rows.filter(window="all").row(0, named=True)
    assert whole["accuracy_always_low"] < whole["accuracy_low"] < whole["accuracy"]
    assert whole["accuracy"] < whole["accuracy_high"] < whole["accuracy_always_high"]
    sliding = rows.filter(window="last_100").row(0, named=True)
    assert sliding["accuracy_always_low"] < whole["accuracy_always_low"]
    for name in ("accuracy", "precision", "recall", "f1"):
        assert whole[f"{name}_always_low"] <= whole[name] <= whole[f"{name}_always_high"]
    assert whole["fpr_always_low"] is not None
    assert whole["mean_confidence_always_high"] > whole["mean_confidence"]


def test_labels_that_are_not_matured_wait_and_those_that_were_drawn_count_for_what_they_stand_for(
    tmp_path: Path,
) -> None:
    r = room(tmp_path)
    fresh = predictions([(i, 0.9) for i in range(30)])
    r.lake.append({"predictions": fresh, "labels": labels([True] * 10, minute=30)}, kind="judge")
    (whole,) = monitor.performance(r.reader).filter(window="all").iter_rows(named=True)
    assert (whole["n"], whole["waiting"]) == (1, 9), "only the oldest has the age at which labels come"
    r.lake.append({"predictions": predictions([(30 + i, 0.9) for i in range(70)], first=30)}, kind="judge")
    drawn = labels([True] * 20 + [False] * 20, minute=41).with_columns(
        pl.Series("propensity", [0.1] * 20 + [0.4] * 20)
    )  # fmt: skip
    r.lake.append({"labels": drawn}, kind="label")
    (whole,) = monitor.performance(r.reader).filter(window="all").iter_rows(named=True)
    assert (whole["n"], whole["tp"], whole["fp"]) == (40, 20, 20)
    assert whole["accuracy"] == pytest.approx(0.8), "20 right ones that stand for 10 each, 20 wrong ones for 2.5"
    assert whole["accuracy_always_low"] is None
    assert monitor.accuracy_history(r.reader)["accuracy"][-1] == pytest.approx(0.8)
    r.lake.append({"labels": labels([True] * 60, first=40, minute=99)}, kind="label")
    (whole,) = monitor.performance(r.reader).filter(window="all").iter_rows(named=True)
    assert whole["accuracy"] == pytest.approx(0.8), "all are labelled now: each stands for itself"
