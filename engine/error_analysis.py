"""What a model gets wrong: the mistakes grouped by what it said, and the features that set them apart."""

from __future__ import annotations

import polars as pl

from storage.sql import Reader

LEAST = 5
"""A feature is compared where at least so many items on both sides have it."""


def groups(reader: Reader, model: str, environment: str, days: int | None = None) -> pl.DataFrame:
    """Mistakes by kind and by reason with its figures left out, the most frequent first.

    `margin` is the mean distance of the score from the threshold: near 0 another threshold would do, near 1 the model
    was sure.
    """
    return reader.query(
        f"""
        WITH judged AS ({_JUDGED}), said AS (
            SELECT *, regexp_replace(coalesce(reason, ''), '[0-9][0-9.,:]*', '#', 'g') AS pattern FROM judged
        ), wrong AS (
            SELECT error, pattern, count(*) AS n, avg(score) AS mean_score, avg(abs(score - threshold)) AS margin,
                min(ts) AS first_ts, max(ts) AS last_ts, arg_max(subject, ts) AS newest_subject
            FROM said WHERE error IS NOT NULL GROUP BY ALL
        )
        SELECT w.error, w.n, w.n / sum(w.n) OVER () AS share, w.mean_score, w.margin,
            (SELECT count(*) FROM said s WHERE s.error IS NULL AND s.pattern = w.pattern) AS right_with_same_reason,
            w.pattern AS reason, w.newest_subject, w.first_ts, w.last_ts
        FROM wrong w ORDER BY w.n DESC, w.error, w.pattern
        """,
        [model, environment, days],
    )


def separating_features(reader: Reader, model: str, environment: str, days: int | None = None) -> pl.DataFrame:
    """For each kind of mistake the numeric features in which it differs most from verdicts that were right alike.

    False positives are held against true positives, false negatives against true negatives. `auc` is the chance that a
    mistake has the greater value than one that was right (0.5: no difference; Mann-Whitney).
    """
    found = reader.query(
        f"""
        WITH judged AS ({_JUDGED}), values AS (
            SELECT j.flagged, j.error IS NOT NULL AS wrong, f.key AS feature, TRY_CAST(f.value AS DOUBLE) AS value
            FROM judged j, json_each(j.features) f WHERE j.features IS NOT NULL
        ), ranked AS (
            SELECT *, rank() OVER w + (count(*) OVER (PARTITION BY flagged, feature, value) - 1) / 2.0 AS place
            FROM values WHERE value IS NOT NULL WINDOW w AS (PARTITION BY flagged, feature ORDER BY value)
        )
        SELECT CASE WHEN flagged THEN 'false_positive' ELSE 'false_negative' END AS error, feature,
            count(*) FILTER (wrong) AS n_wrong, count(*) FILTER (NOT wrong) AS n_right,
            median(value) FILTER (wrong) AS median_wrong, median(value) FILTER (NOT wrong) AS median_right,
            (sum(place) FILTER (wrong) - count(*) FILTER (wrong) * (count(*) FILTER (wrong) + 1) / 2.0)
                / nullif(count(*) FILTER (wrong) * count(*) FILTER (NOT wrong), 0) AS auc
        FROM ranked GROUP BY flagged, feature
        HAVING n_wrong >= $4 AND n_right >= $4
        """,
        [model, environment, days, LEAST],
    )
    apart = (pl.col("auc") - 0.5).abs()
    return found.filter(apart > 0).sort(["error", apart, "feature"], descending=[True, True, False])


_JUDGED = """
    SELECT ts, subject, score, threshold, flagged, truth, reason, features,
        CASE WHEN flagged = truth THEN NULL WHEN flagged THEN 'false_positive' ELSE 'false_negative' END AS error
    FROM labelled_predictions
    WHERE model = $1 AND environment = $2
        AND ($3 IS NULL OR ts >= (SELECT max(ts) FROM predictions) - to_days(CAST($3 AS INTEGER)))
"""
