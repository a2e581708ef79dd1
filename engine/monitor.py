"""How the models do: thin calls of the views, so that every reader sees the same numbers."""

from __future__ import annotations

from typing import Literal

import polars as pl

from engine.intervals import confidence_sequence
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
    """Rows of view `performance` with `accuracy_always_low` and `_high`: bounds that hold however often one looks.

    Over the whole stream (window `all`) Robbins' confidence sequence; a sliding window has none, there they are null.
    """
    bounds = [
        confidence_sequence(tp + tn, n) if window == "all" and n else None
        for window, tp, tn, n in performance.select("window", "tp", "tn", "n").iter_rows()
    ]
    return performance.with_columns(
        pl.Series("accuracy_always_low", [b.low if b else None for b in bounds], dtype=pl.Float64),
        pl.Series("accuracy_always_high", [b.high if b else None for b in bounds], dtype=pl.Float64),
    )


def performance_now(reader: Reader, environment: str | None = None) -> pl.DataFrame:
    """View `performance_now`: a row an active deployment."""
    return reader.query("SELECT * FROM performance_now WHERE $1 IS NULL OR environment = $1", [environment])


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
