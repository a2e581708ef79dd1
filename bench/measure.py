"""What the exams and the recorded sample say of the detectors, written down for docs/detectors.md.

    python bench/measure.py EXAM_PY DATA_DIR        runs every exam of EXAM_PY, a few minutes

EXAM_PY grades `watchroom analyze` on labelled data (functions `exam_NAME(data, half, command, work)` and `grade`),
DATA_DIR holds the folders queries, waf and ops. Beside the exam's figures stand the reliability of the scores (tenths
of score against how often it was true, over the sets that the exam counts) and, from sample_data/recording, the
confusion matrices. `scripts/generate_docs.py` makes the tables.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
OUT = ROOT / "docs" / "detectors" / "measured.json"
EXAMS = {"n1": ("n1-detector", "queries"), "payloads": ("waf-behavioral", "waf"),
         "behaviour": ("waf-behavioral", "waf"), "jobs": ("queue-anomaly", "ops")}  # fmt: skip
FIGURES = ("n", "positives", "precision", "recall", "f1", "fpr", "auc")
BINS = 10
DRAWS = 1_000


def calibration_error(tenth: np.ndarray, truth: np.ndarray, score: np.ndarray) -> float:
    """The expected calibration error: |share true - mean score| over tenths of score, by how many each holds."""
    gap = np.bincount(tenth, truth, BINS) - np.bincount(tenth, score, BINS)
    return float(np.abs(gap).sum() / len(score))


def by_chance(tenth: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """The calibration error that true probabilities would show on as many subjects: mean, and 19 of 20 are under.

    A few subjects a tenth are never right to the decimal. Truth is drawn from the scores (consistency resampling,
    Broecker and Smith 2007), with a fixed seed.
    """
    random = np.random.default_rng(7)
    drawn = [calibration_error(tenth, random.random(len(score)) < score, score) for _ in range(DRAWS)]
    return round(float(np.mean(drawn)), 4), round(float(np.quantile(drawn, 0.95)), 4)


def reliability(truth: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    """Tenths of score: from, how many, mean score, share true; the calibration error, and what chance alone gives."""
    tenth = np.minimum((score * BINS).astype(int), BINS - 1)
    rows = []
    for number in range(BINS):
        held = tenth == number
        if held.any():
            rows.append([number / BINS, int(held.sum()), round(float(score[held].mean()), 3),
                         round(float(truth[held].mean()), 3)])  # fmt: skip
    return {"rows": rows, "ece": round(calibration_error(tenth, truth, score), 4), "chance": by_chance(tenth, score)}


def examined(exam: Any, name: str, data: Path) -> dict[str, Any]:
    """The figures of one exam on the public half, and the reliability of the scores that it counts."""
    seen: list[tuple[str, bool, float]] = []
    plain = exam.grade

    def grade(cases: list[tuple[str, str, bool]], verdicts: dict[str, tuple[bool, float]]) -> Any:
        seen.extend((group, truth, verdicts.get(subject, (False, 0.0))[1]) for group, subject, truth in cases)
        return plain(cases, verdicts)

    exam.grade = grade
    with tempfile.TemporaryDirectory() as work:
        sets = getattr(exam, f"exam_{name}")(data, "public", "watchroom", Path(work))["sets"]
    exam.grade = plain
    counted = [(t, s) for group, t, s in seen if not group.startswith(exam.UNCOUNTED)]
    truth, score = (np.array(column) for column in zip(*counted, strict=True))
    told = {group: {k: None if figures[k] != figures[k] else round(figures[k], 4) for k in FIGURES}
            for group, figures in sorted(sets.items(), key=lambda item: (item[0] == "ALL", item[0]))}  # fmt: skip
    return {"sets": told, "reliability": reliability(truth.astype(bool), score.astype(float))}


def recorded() -> dict[str, dict[str, int]]:
    """Confusion matrices on the recorded sample, a model."""
    from engine.analysis import analyze
    from engine.detector import names

    folder = ROOT / "sample_data" / "recording"
    told = analyze([folder / name for name in ("access.log", "postgresql.log", "jobs.jsonl")], None).predictions
    labels = pl.read_ndjson(folder / "labels.jsonl", infer_schema_length=None).with_columns(
        pl.col("window_start").str.to_datetime(time_unit="us", time_zone="UTC")
    )
    found = {}
    for model in names():
        mine, truth = told.filter(pl.col("model") == model), labels.filter(pl.col("model") == model)
        keys = ["subject"] if truth["window_start"].null_count() else ["subject", "window_start"]
        each = truth.join(mine.group_by(keys).agg(pl.col("flagged").any()), on=keys, how="inner")
        hits = each.group_by("truth", "flagged").len()
        count = {(bool(t), bool(f)): int(n) for t, f, n in hits.iter_rows()}
        found[model] = {"tp": count.get((True, True), 0), "fp": count.get((False, True), 0),
                        "fn": count.get((True, False), 0), "tn": count.get((False, False), 0)}  # fmt: skip
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exam", type=Path)
    parser.add_argument("data", type=Path)
    given = parser.parse_args()
    spec = importlib.util.spec_from_file_location("exam", given.exam)
    assert spec is not None
    assert spec.loader is not None
    exam = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exam)
    measured: dict[str, Any] = {"recording": recorded(), "exams": {}}
    for name, (model, folder) in EXAMS.items():
        measured["exams"].setdefault(model, {})[name] = examined(exam, name, given.data / folder)
        print(name, measured["exams"][model][name]["reliability"]["ece"], flush=True)
    OUT.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
