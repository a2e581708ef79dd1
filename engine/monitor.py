"""How the models do: thin calls of the views, so that every reader sees the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import polars as pl

from engine.always import METRICS, Counts, bounds
from engine.deployment import Deployment
from engine.intervals import Interval, confidence_sequence, mean_sequence, sliding
from storage.sql import Reader

WINDOWS = ("last_100", "last_1000", "all")


def performance(reader: Reader, model: str | None = None, environment: str | None = None) -> pl.DataFrame:
    """View `performance`: a row a version, environment and window; with the bounds that `always` adds."""
    return always(
        reader.query(
            "SELECT * FROM performance WHERE ($1 IS NULL OR model = $1) AND ($2 IS NULL OR environment = $2)",
            [model, environment],
        )
    )


def always(performance: pl.DataFrame) -> pl.DataFrame:
    """Rows of view `performance` with METRIC`_always_low` and `_high`: 95 % bounds that hold however often one looks.

    Over the whole stream (window `all`) Robbins' confidence sequences, over a sliding window bounds that hold for every
    window that ever slides by (wider). Null where labels were drawn unevenly, and where there is no denominator.
    """
    keys = ("model", "version", "environment")
    looks = {row[:3]: row[3] for row in performance.filter(window="all").select(*keys, "n").iter_rows()}
    rows = [_always(row, looks.get(tuple(row[k] for k in keys), row["n"])) for row in performance.iter_rows(named=True)]
    names = [f"{metric}_always_{end}" for metric in (*METRICS, "mean_confidence") for end in ("low", "high")]
    return pl.concat([performance, pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Float64), orient="row")],
                     how="horizontal")  # fmt: skip


def _always(row: Mapping[str, Any], looks: int) -> list[float | None]:
    """The bounds of a row in the order of the columns."""

    def share(hits: int, n: int, alpha: float) -> Interval:
        return confidence_sequence(hits, n, alpha) if row["window"] == "all" else sliding(hits, n, looks, alpha)

    if not row["n"] or row["n_even"] < row["n"] - 0.5:
        return [None] * (2 * len(METRICS) + 2)
    found = bounds(Counts(row["tp"], row["fp"], row["fn"], row["tn"]), share)
    mean = row["mean_confidence"] if row["window"] == "all" else None
    ordered = [*(found[metric] for metric in METRICS), None if mean is None else mean_sequence(mean, row["n"])]
    return [end for b in ordered for end in ((b.low, b.high) if b else (None, None))]


def performance_now(reader: Reader, environment: str | None = None) -> pl.DataFrame:
    """View `performance_now`: a row an active deployment."""
    return reader.query("SELECT * FROM performance_now WHERE $1 IS NULL OR environment = $1", [environment])


def with_success(reader: Reader, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of view `performance` with `ml_attempts` (rounds of judging, all versions) and `ml_success_rate` of them."""
    counted = reader.query("SELECT model, environment, attempts, success_rate FROM ml_success").to_dicts()
    by_place = {(row["model"], row["environment"]): row for row in counted}
    found = []
    for row in rows:
        known = by_place.get((row["model"], row["environment"]), {})
        found.append({**row, "ml_attempts": known.get("attempts"), "ml_success_rate": known.get("success_rate")})
    return found


def with_estimates(reader: Reader, deployed: Sequence[Deployment], few: int) -> list[dict[str, Any]]:
    """Rows of `performance_now` for `deployed`, with `estimate`, `estimate_low`, `_high` and `_warnings`.

    Accuracy without labels is worked out where fewer than `few` labels have matured, elsewhere it is None.
    """
    from engine.estimate import estimate

    by_id = {deployment.id: deployment for deployment in deployed}
    rows = []
    for row in performance_now(reader).iter_rows(named=True):
        if row["deployment_id"] in by_id:
            said = estimate(reader, by_id[row["deployment_id"]]) if row["n"] < few else None
            rows.append(row | {
                "estimate": said and said.value, "estimate_low": said and said.low, "estimate_high": said and said.high,
                "estimate_warnings": "; ".join(said.warnings) if said else "",
            })  # fmt: skip
    return rows


def accuracy_history(reader: Reader, model: str | None = None, environment: str | None = None) -> pl.DataFrame:
    """View `accuracy_history`: the trailing accuracy of each version minute by minute, oldest first."""
    return reader.query(
        "SELECT * FROM accuracy_history WHERE ($1 IS NULL OR model = $1) AND ($2 IS NULL OR environment = $2)",
        [model, environment],
    )


def predictions_per_minute(reader: Reader, model: str | None = None) -> pl.DataFrame:
    """View `predictions_per_minute`: verdicts and flags of each version minute by minute, oldest first."""
    return reader.query("SELECT * FROM predictions_per_minute WHERE $1 IS NULL OR model = $1", [model])


def findings(reader: Reader, model: str | None = None, limit: int = 100) -> pl.DataFrame:
    """View `findings`: what was flagged, newest first, with the truth where it is known."""
    return reader.query("SELECT * FROM findings WHERE $1 IS NULL OR model = $1 LIMIT $2", [model, limit])


def recent(reader: Reader, model: str, environment: str = "production", limit: int = 100) -> pl.DataFrame:
    """The newest predictions of a model with `truth` where it is known, newest first."""
    return reader.query(
        "SELECT j.ts, j.subject, j.version, j.score, j.threshold, j.flagged, l.truth, j.reason, j.window_start,"
        " j.analysis_ms, j.prediction_id FROM judgements j LEFT JOIN labelled_predictions l"
        " ON l.environment = j.environment AND l.prediction_id = j.prediction_id"
        " WHERE j.model = $1 AND j.environment = $2 ORDER BY j.ts DESC, j.prediction_id DESC LIMIT $3",
        [model, environment, limit],
    )


def errors(reader: Reader, model: str, environment: str = "production", limit: int = 100) -> pl.DataFrame:
    """What a model got wrong, newest first: `error` is false_positive or false_negative."""
    return reader.query(
        "SELECT ts, CASE WHEN flagged THEN 'false_positive' ELSE 'false_negative' END AS error, subject, version,"
        " score, threshold, abs(score - threshold) AS margin, reason, window_start, labelled_by, label_ts, features,"
        " prediction_id FROM labelled_predictions WHERE model = $1 AND environment = $2 AND flagged <> truth"
        " ORDER BY ts DESC, prediction_id DESC LIMIT $3",
        [model, environment, limit],
    )


Step = Literal["day", "hour", "week", "minute"]


def trends(reader: Reader, days: int = 30, step: Step = "day") -> pl.DataFrame:
    """Each version's figures a day (week, hour, minute) of event time, oldest first, back from the newest verdict."""
    if step not in ("day", "hour", "week", "minute"):
        raise ValueError(f"no step {step!r}")
    return reader.query(
        f"SELECT model, version, environment, date_trunc('{step}', ts) AS ts, count(*) AS n,"
        " avg(CAST(flagged = truth AS INTEGER)) AS accuracy,"
        " count(*) FILTER (flagged AND truth) / nullif(count(*) FILTER (flagged), 0) AS \"precision\","
        " count(*) FILTER (flagged AND truth) / nullif(count(*) FILTER (truth), 0) AS recall,"
        " 2 * count(*) FILTER (flagged AND truth)"
        "   / nullif(count(*) FILTER (flagged) + count(*) FILTER (truth), 0) AS f1,"
        " avg(CAST(flagged AS INTEGER)) AS flag_rate"
        " FROM labelled_predictions"
        " WHERE ts >= (SELECT max(ts) FROM predictions) - to_days(CAST($1 AS INTEGER))"
        " GROUP BY ALL ORDER BY model, environment, version, ts",
        [days],
    )  # fmt: skip


def compare_versions(reader: Reader, model: str, one: str, other: str) -> pl.DataFrame:
    """Two versions side by side: a row an environment and window and version."""
    return reader.query(
        'SELECT * FROM performance WHERE model = $1 AND version IN ($2, $3) ORDER BY environment, "window", version',
        [model, one, other],
    )
