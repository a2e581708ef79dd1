"""What would make the models better, from the numbers that are there: each with its reason and the command to run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from storage.sql import Reader

HIGH, MEDIUM, LOW = "high", "medium", "low"
_ORDER = (HIGH, MEDIUM, LOW)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing to do about a model; `priority` is high, medium or low."""

    model: str
    environment: str
    priority: str
    finding: str
    because: str
    do: str


def recommend(reader: Reader) -> list[Recommendation]:
    """What to do about each model that runs, the most pressing first; nothing where nothing stands out."""
    windows = reader.query("SELECT * FROM performance WHERE \"window\" = 'last_1000'")
    now = reader.query("SELECT * FROM performance_now")
    enough = reader.query("SELECT * FROM data_sufficiency")
    runs = reader.query(
        "SELECT * FROM tuning_runs QUALIFY row_number() OVER (PARTITION BY model, environment ORDER BY id DESC) = 1"
    )
    worse = reader.query("SELECT * FROM degradation_now WHERE level = 'degraded'")
    issues = reader.query("SELECT model, issue, count(*) AS n FROM label_issues GROUP BY ALL")
    found: list[Recommendation] = []
    for deployed in now.iter_rows(named=True):
        known = {name: _of(frame, deployed) for name, frame in
                 (("window", windows), ("labels", enough), ("run", runs), ("worse", worse))}  # fmt: skip
        found += _errors(deployed, known["window"])
        found += _labels(deployed, known["labels"], issues.filter(model=deployed["model"]))
        found += _change(deployed, known["run"], known["worse"])
    return sorted(found, key=lambda r: (_ORDER.index(r.priority), r.model))


def _of(frame: pl.DataFrame, deployed: Row) -> Row:
    """The row of a frame about what runs; an empty one if it has none."""
    mine = frame.filter(model=deployed["model"], environment=deployed["environment"])
    if "version" in mine.columns:
        mine = mine.filter(version=deployed["version"])
    return mine.row(0, named=True) if mine.height else {}


def _say(deployed: Row, priority: str, finding: str, because: str, do: str) -> Recommendation:
    return Recommendation(deployed["model"], deployed["environment"], priority, finding, because, do)


def _errors(deployed: Row, window: Row) -> Iterator[Recommendation]:
    """Where its errors are: misses or false alarms."""
    if not window.get("n"):
        return
    model, fp, fn, n = deployed["model"], window["fp"], window["fn"], window["n"]
    wrong = fp + fn
    if wrong < 10:
        return
    share = f"{fn} misses and {fp} false alarms in {n} labels"
    if fn >= 3 * fp:
        yield _say(deployed, MEDIUM, "it misses more than it cries wolf", share, f"watchroom tune {model}")
    elif fp >= 3 * fn:
        yield _say(deployed, MEDIUM, "it cries wolf more than it misses", share, f"watchroom tune {model}")
    if window["accuracy"] is not None and window["accuracy"] < deployed["accuracy_limit"]:
        because = f"accuracy {window['accuracy']:.3f}, limit {deployed['accuracy_limit']:.2f}; {share}"
        yield _say(deployed, HIGH, "accuracy is under its limit", because, f"watchroom analyze-errors {model}")


def _labels(deployed: Row, labels: Row, issues: pl.DataFrame) -> Iterator[Recommendation]:
    """Whether its figures can be trusted."""
    model = deployed["model"]
    if labels.get("predictions") and not labels["is_sufficient"]:
        because = f"{labels['labels']} labels, {labels['positives']} of them positive"
        yield _say(deployed, HIGH, "too few labels to judge or tune it", because, f"watchroom review {model} --label")
    elif labels.get("coverage") is not None and labels["coverage"] < 0.2:
        because = f"{100 * labels['coverage']:.0f} % of its predictions have a label"
        yield _say(deployed, LOW, "few of its predictions are labelled", because, f"watchroom review {model} --label")
    counts = dict(issues.select("issue", "n").rows())
    if counts.get("conflicting") or counts.get("early"):
        because = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
        yield _say(deployed, HIGH, "its ground truth contradicts itself", because,
                   f"watchroom validate-ground-truth {model}")  # fmt: skip


def _change(deployed: Row, run: Row, worse: Row) -> Iterator[Recommendation]:
    """Whether something should be changed: its threshold, or its version."""
    model = deployed["model"]
    if worse:
        because = f"{worse['metric']} {worse['value']:.3f}, baseline {worse['baseline']:.3f}"
        yield _say(deployed, HIGH, "it is worse than when it was deployed", because,
                   f"watchroom verify-degradation {model}")  # fmt: skip
    if run.get("verdict") in ("proposed", "blocked"):
        yield _say(deployed, MEDIUM, "a better threshold was found and not applied", run["detail"],
                   f"watchroom auto-tuning-history {model}")  # fmt: skip
    if run.get("exact_threshold") is not None and run["verdict"] == "no_improvement":
        low = run["best_metric"] is not None and run["best_metric"] < 0.8
        if low:
            because = f"best {run['objective']} over all thresholds is {run['best_metric']:.3f}"
            yield _say(deployed, MEDIUM, "no threshold makes it good: it needs other features or a new version",
                       because, f"watchroom analyze-errors {model}")  # fmt: skip
