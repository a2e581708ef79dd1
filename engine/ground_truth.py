"""Is the ground truth true? Labels that contradict each other, come late, repeat, or look wrong; and who gave them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from engine.evidence import metric
from engine.intervals import wilson
from storage.sql import Reader

BLOCKING = ("conflicting", "early")
"""Issues that make figures wrong, not just late."""
LEAST_OF_ACTOR = 30


@dataclass(frozen=True, slots=True)
class Report:
    """What `validate` found: how many labels, issues with their counts, examples, and people who stand out."""

    model: str
    labels: int
    counts: dict[str, int]
    examples: pl.DataFrame
    odd_actors: pl.DataFrame
    accuracy: float | None
    accuracy_without_suspicious: float | None
    """If all suspicious labels were wrong, this would be the accuracy: how much hangs on them."""

    @property
    def ok(self) -> bool:
        """Whether no issue makes figures wrong."""
        return not any(self.counts.get(issue) for issue in BLOCKING)


def validate(reader: Reader, model: str, *, examples: int = 5) -> Report:
    """Look through a model's labels: view `label_issues`, with up to `examples` of each kind."""
    issues = reader.query("SELECT * FROM label_issues WHERE model = $1", [model])
    counts = {str(name): int(n) for name, n in issues.group_by("issue").len().sort("issue").rows()}
    shown = issues.group_by("issue", maintain_order=True).head(examples)
    known = reader.query(
        "SELECT score, flagged, truth FROM labelled_predictions WHERE model = $1 AND score IS NOT NULL", [model]
    )
    sure = known.filter(((pl.col("score") < 0.95) | pl.col("truth")) & ((pl.col("score") > 0.05) | ~pl.col("truth")))
    total = reader.query("SELECT count(*) AS n FROM labels WHERE model = $1 AND truth IS NOT NULL", [model]).item()
    return Report(model, int(total), counts, shown, odd_actors(reader, model), _accuracy(known), _accuracy(sure))


def odd_actors(reader: Reader, model: str) -> pl.DataFrame:
    """People whose labels go against the model for sure more, or less, often than everybody else's."""
    people = reader.query("SELECT * FROM label_actors WHERE model = $1 AND labels >= $2", [model, LEAST_OF_ACTOR])
    rows = []
    for row in people.iter_rows(named=True):
        if row["others_against_model"] is None:
            continue
        bounds = wilson(row["against_model"] * row["labels"], row["labels"], 0.99)
        if not bounds.low <= row["others_against_model"] <= bounds.high:
            rows.append(row)
    return pl.DataFrame(rows, schema=people.schema, orient="row")


def _accuracy(known: pl.DataFrame) -> float | None:
    return metric("accuracy", known["flagged"].to_numpy(), known["truth"].to_numpy())
