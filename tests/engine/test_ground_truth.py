"""Ground truth: every kind of doubtful label is found, and nothing else is called doubtful."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from engine.ground_truth import validate
from tests.modelops import START, labels, predictions, room


def _by(frame: pl.DataFrame, actor: str) -> pl.DataFrame:
    return frame.with_columns(pl.lit(actor).alias("actor"))


def test_good_labels_have_no_issues(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.lake.append({"predictions": predictions([(0, 0.8), (1, 0.3)]), "labels": labels([True, False])}, kind="judge")
    report = validate(r.reader, "census")
    assert (report.ok, report.counts, report.labels, report.accuracy) == (True, {}, 2, 1.0)


def test_each_kind_of_doubtful_label_is_found(tmp_path: Path) -> None:
    r = room(tmp_path)
    made = predictions([(0, 0.8), (0, 0.8), (0, 0.99), (0, 0.8), (0, 0.6)])
    given = pl.concat([
        labels([True]), _by(labels([False]), "idris"),                              # s0: two people differ
        labels([True], first=1), labels([True], first=1, minute=90),                # s1: said twice
        labels([False], first=2),                                                   # s2: against a score of 0.99
        labels([True], first=3, minute=60 * 24 * 9),                                # s3: nine days later
        labels([True], first=4, minute=-5),                                         # s4: before it happened
        labels([True], first=77),                                                   # s77: never predicted
    ])  # fmt: skip
    r.lake.append({"predictions": made, "labels": given}, kind="judge")
    report = validate(r.reader, "census")
    assert report.counts == dict.fromkeys(("conflicting", "duplicate", "early", "late", "orphan", "suspicious"), 1)
    found = dict(report.examples.select("issue", "subject").rows())
    assert found == {"conflicting": "s0", "duplicate": "s1", "suspicious": "s2", "late": "s3", "early": "s4",
                     "orphan": "s77"}  # fmt: skip
    assert not report.ok
    assert report.accuracy_without_suspicious > report.accuracy


def test_who_corrects_themselves_contradicts_nobody(tmp_path: Path) -> None:
    r = room(tmp_path)
    given = pl.concat([labels([True]), labels([False], minute=90)])
    r.lake.append({"predictions": predictions([(0, 0.4)]), "labels": given}, kind="judge")
    assert validate(r.reader, "census").counts == {}


def test_a_person_who_labels_unlike_everybody_else_stands_out(tmp_path: Path) -> None:
    r = room(tmp_path)
    made = predictions([(i / 60, 0.9) for i in range(300)])
    said = {"mara": [True] * 95 + [False] * 5, "idris": [True] * 94 + [False] * 6, "eve": [True, False] * 50}
    given = [_by(labels(truths, first=100 * i), actor) for i, (actor, truths) in enumerate(said.items())]
    r.lake.append({"predictions": made, "labels": pl.concat(given)}, kind="judge")
    odd = validate(r.reader, "census").odd_actors
    assert "eve" in odd["actor"].to_list()
    assert odd.filter(actor="eve")["against_model"].item() == pytest.approx(0.5)


def test_sufficiency_counts_what_is_still_needed(tmp_path: Path) -> None:
    r = room(tmp_path)
    sql = "SELECT labels, positives, needed_to_tune, needed_to_judge, is_sufficient FROM data_sufficiency"
    assert r.reader.query(sql).rows() == [(0, 0, 100, 300, False)]
    made = predictions([(i / 10, 0.9) for i in range(320)])
    r.lake.append({"predictions": made, "labels": labels([True] * 10 + [False] * 310)}, kind="judge")
    assert r.reader.query(sql).rows() == [(320, 10, 20, 0, False)]


def test_what_runs_is_held_against_what_was_deployed(tmp_path: Path) -> None:
    r = room(tmp_path)
    sql = "SELECT state, differs FROM config_drift"
    assert r.reader.query(sql).rows() == [("Unknown", "")]
    r.lake.append({"predictions": predictions([(0, 0.9)])}, kind="judge")
    assert r.reader.query(sql).rows() == [("InSync", "")]
    r.registry.update_config("census", "production", {"threshold": 0.8}, reason="x")
    assert r.reader.query(sql).rows() == [("OutOfSync", "config_revision, threshold")]


def test_changes_of_settings_say_what_was_changed_from_what_to_what_and_by_whom(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.clock.tick(hours=1)
    r.registry.update_config("census", "production", {"threshold": 0.8, "extra": True}, reason="x")
    got = r.reader.query("SELECT ts, setting, before, after, actor FROM config_changes")
    when = START + timedelta(hours=1)
    assert got.rows() == [(when, "extra", None, "true", "mara"), (when, "threshold", "0.5", "0.8", "mara")]
