"""Two versions of a model side by side, and on the items that both judged: is the one better for sure?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from engine.tuning_check import DECIDES, e_mcnemar
from storage.sql import Reader

Window = Literal["last_100", "last_1000", "all"]
MEASURES = (
    "n", "accuracy", "accuracy_low", "accuracy_high", "precision", "recall", "f1", "fpr", "mcc", "balanced_accuracy",
    "prevalence", "mean_confidence", "latency_p50_ms", "latency_p95_ms", "predictions", "flagged",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paired:
    """How often only the one or only the other version was right of `n` labelled items that both judged."""

    n: int
    only_one_right: int
    only_other_right: int

    @property
    def e_value(self) -> float:
        """Evidence that they differ: 20 or more decides, however often one looks (engine/tuning_check.py)."""
        return e_mcnemar(self.only_one_right, self.only_other_right)

    def verdict(self, one: str, other: str) -> str:
        """Which version is better, in words."""
        if self.n == 0:
            return "no labelled item was judged by both"
        if self.e_value < DECIDES:
            return f"no difference shown on {self.n} items that both judged"
        better = one if self.only_one_right > self.only_other_right else other
        return f"{better} is better on {self.n} items that both judged"


def side_by_side(reader: Reader, model: str, one: str, other: str, window: Window = "last_1000") -> pl.DataFrame:
    """A row a measure: `measure`, the figure of each version, `change` from one to other.

    Each version counts where it has most labelled items, production before staging where they are equal.
    """
    found = reader.query(
        'SELECT * FROM performance WHERE model = $1 AND version IN ($2, $3) AND "window" = $4'
        " QUALIFY row_number() OVER (PARTITION BY version ORDER BY n DESC, environment) = 1",
        [model, one, other, window],
    )
    by_version = {row["version"]: row for row in found.iter_rows(named=True)}
    before, after = by_version.get(one, {}), by_version.get(other, {})
    figures = pl.DataFrame(
        {
            "measure": MEASURES, one: [before.get(m) for m in MEASURES], other: [after.get(m) for m in MEASURES],
        },
        schema={"measure": pl.String, one: pl.Float64, other: pl.Float64}, strict=False,
    )  # fmt: skip
    return figures.with_columns((pl.col(other) - pl.col(one)).alias("change"))


def paired(reader: Reader, model: str, one: str, other: str) -> Paired:
    """Both versions on the same labelled subjects and windows, each verdict as it was given."""
    row = reader.query(
        """
        WITH a AS (SELECT subject, window_start, flagged, truth FROM labelled_predictions
                   WHERE model = $1 AND version = $2
                   QUALIFY row_number() OVER (PARTITION BY subject, window_start ORDER BY environment) = 1),
             b AS (SELECT subject, window_start, flagged FROM labelled_predictions WHERE model = $1 AND version = $3
                   QUALIFY row_number() OVER (PARTITION BY subject, window_start ORDER BY environment) = 1)
        SELECT count(*) AS n, count(*) FILTER (a.flagged = a.truth AND b.flagged <> a.truth) AS one,
            count(*) FILTER (a.flagged <> a.truth AND b.flagged = a.truth) AS other
        FROM a JOIN b ON a.subject = b.subject AND a.window_start IS NOT DISTINCT FROM b.window_start
        """,
        [model, one, other],
    ).row(0)
    return Paired(*row)
