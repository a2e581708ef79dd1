"""Predictions and labels from Parquet land once, and a wrong file is named with what is wrong."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from engine import parquet
from storage.errors import InputError
from tests.modelops import MARA, START, room


def _file(path: Path, name: str, **columns: object) -> Path:
    file = path / name
    pl.DataFrame(columns).write_parquet(file)
    return file


def _times(n: int) -> list[datetime]:
    return [START + timedelta(minutes=i) for i in range(n)]


def test_a_row_with_score_and_truth_is_a_prediction_and_its_label(tmp_path: Path) -> None:
    r = room(tmp_path)
    file = _file(
        tmp_path, "both.parquet", ts=_times(3), model=["census"] * 3, version=["1.0.0"] * 3, subject=["a", "b", "c"],
        score=[0.9, 0.2, 0.8], threshold=[0.5] * 3, truth=[True, False, None], age=[41, 9, 66],
        label_ts=[t + timedelta(minutes=5) for t in _times(3)],
    )  # fmt: skip
    assert parquet.land(r.lake, file, MARA) == {"predictions": 3, "labels": 2}
    got = r.reader.query("SELECT subject, truth, epoch(label_ts - ts) AS delay_s FROM labelled_predictions ORDER BY 1")
    assert got.rows() == [("a", True, 300.0), ("b", False, 300.0)]
    features = r.reader.query("SELECT features FROM predictions WHERE subject = 'a'").item()
    assert json.loads(features) == {"age": 41}


def test_a_file_lands_once_whatever_it_is_called(tmp_path: Path) -> None:
    r = room(tmp_path)
    columns = {"ts": ["2026-03-02T09:00:00Z"], "model": ["census"], "subject": ["a"], "truth": [True]}
    for name, rows in (("one.parquet", {"labels": 1}), ("two.pq", {})):
        assert parquet.land(r.lake, _file(tmp_path, name, **columns), MARA) == rows
    assert r.reader.query("SELECT ts, truth FROM labels").rows() == [(START, True)]
    assert r.reader.query("SELECT count(*) AS n FROM events WHERE kind = 'parquet.landed'").item() == 1


@pytest.mark.parametrize(("columns", "what"), [
    ({"ts": [1], "model": ["m"], "subject": ["a"], "score": [0.5]}, "column ts holds Int64"),
    ({"ts": _times(1), "model": ["m"], "subjects": ["a"], "score": [0.5]}, "lacks the column subject; rename subjects"),
    ({"ts": _times(1), "value": [0.5]}, "neither predictions .* nor labels"),
])  # fmt: skip
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, columns: dict[str, object], what: str) -> None:
    with pytest.raises(InputError, match=what):
        parquet.land(room(tmp_path).lake, _file(tmp_path, "wrong.parquet", **columns), MARA)


def test_what_is_no_parquet_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        parquet.land(room(tmp_path).lake, tmp_path / "x.parquet", MARA)
