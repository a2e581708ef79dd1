"""Labels: given by a person, appended, the newest one counts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from engine.labels import label
from storage.errors import UsageError
from tests.modelops import MARA, START, predictions, room


def test_a_label_makes_a_prediction_count_and_names_who_gave_it(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.lake.append({"predictions": predictions([(0, 0.9), (1, 0.9)])}, kind="judge")
    label(r.lake, "census", "s1", False, actor=MARA, note="checked by hand")
    got = r.reader.query("SELECT subject, truth, labelled_by FROM labelled_predictions")
    assert got.rows() == [("s1", False, "mara (cli)")]
    assert r.reader.query("SELECT count(*) AS n FROM events WHERE kind = 'label.added'").item() == 1


def test_a_later_label_replaces_an_earlier_one_and_none_takes_it_back(tmp_path: Path) -> None:
    r = room(tmp_path)
    r.lake.append({"predictions": predictions([(0, 0.9)])}, kind="judge")
    for truth, rows in ((True, [(True,)]), (False, [(False,)]), (None, [])):
        r.clock.tick(minutes=1)
        label(r.lake, "census", "s0", truth, actor=MARA)
        assert r.reader.query("SELECT truth FROM labelled_predictions").rows() == rows


def test_a_label_of_one_window_leaves_the_others(tmp_path: Path) -> None:
    r = room(tmp_path)
    two = predictions([(0, 0.9), (1, 0.9)]).with_columns(pl.lit("s0").alias("subject"))
    r.lake.append({"predictions": two}, kind="judge")
    label(r.lake, "census", "s0", True, actor=MARA, window_start=START + timedelta(minutes=1))
    assert r.reader.query("SELECT window_start FROM labelled_predictions").item() == START + timedelta(minutes=1)


def test_a_label_for_nothing_is_refused(tmp_path: Path) -> None:
    r = room(tmp_path)
    with pytest.raises(UsageError, match="no model 'cens'"):
        label(r.lake, "cens", "s0", True, actor=MARA)
    with pytest.raises(UsageError, match="needs a subject"):
        label(r.lake, "census", " ", True, actor=MARA)
