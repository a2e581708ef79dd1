"""Loops remembered across traces: how often, since when, how bad, whether they are gone, and whether going helped.

A pure function over predictions: nothing is kept but what they say. A pattern is a template with the parent that feeds
it. It counts as fixed when the place where it was (an endpoint, a job) is still visited, and lately never with the
loop in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from storage.fingerprint import digest
from storage.schema import TIME

_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "pattern": pl.String, "template": pl.String, "parent": pl.String, "caller": pl.String, "detections": pl.Int64,
    "first_seen": TIME, "last_seen": TIME, "confidence": pl.Float64, "severity": pl.String,
    "repeats": pl.Float64, "wasted_ms": pl.Float64, "since": pl.Int64, "state": pl.String,
    "trace_ms_before": pl.Float64, "trace_ms_after": pl.Float64, "better": pl.Boolean,
}  # fmt: skip
PATTERNS = pl.Schema(_COLUMNS)
"""One row a pattern. `confidence`: mean probability; `repeats` and `wasted_ms`: medians a trace; `since`: traces of
the same place seen after `last_seen`; `state`: open, fixed, or unknown (the place was seen too seldom since);
`trace_ms_*`: median of all statements' time in the place's traces up to `last_seen` and after; `better`: whether it
fell, null while that is unknown."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """When a pattern counts as fixed or severe."""

    clean_traces: int = 20
    """Traces of the same place without the loop, after the last one with it, that call it fixed. With a loop in half of
    the place's traces 20 clean ones in a row are chance once in a million; in every tenth trace, once in eight."""
    high_ms: float = 100.0
    """Median waste a trace from which severity is high; people notice a tenth of a second (Nielsen 1993)."""
    medium_ms: float = 20.0
    """The same for medium."""
    high_repeats: float = 50.0
    """Median repeats from which it is of high severity whatever it wastes on a small database."""
    medium_repeats: float = 10.0
    """The same for medium."""


def patterns(
    predictions: pl.DataFrame, places: pl.DataFrame | None = None, judged: Judgement | None = None
) -> pl.DataFrame:
    """PATTERNS of n1-detector's `predictions` (schema PREDICTIONS), the worst first.

    `places` tells where each trace belongs: columns `subject` and `place` (the request's path, the job's type).
    Without it a place is the trace's first call site (sqlcommenter's controller, a file and line); where neither is
    known, nothing can be known of a fix and the pattern stays open.
    """
    limits = judged or Judgement()
    mine = predictions.filter(pl.col("model") == "n1-detector")
    told = _told(mine)
    visits = _visits(mine, places)
    loops = told.filter(pl.col("is_loop")).join(visits.select("prediction_id", "place"), on="prediction_id", how="left")
    if loops.is_empty():
        return PATTERNS.to_frame()
    seen = loops.group_by("pattern").agg(
        *(pl.col(name).first() for name in ("template", "parent")),
        pl.col("caller").drop_nulls().mode().sort().first(),
        pl.col("place").drop_nulls().unique().alias("places"),
        pl.col("prediction_id").n_unique().cast(pl.Int64).alias("detections"),
        pl.col("ts").min().alias("first_seen"),
        pl.col("ts").max().alias("last_seen"),
        pl.col("probability").mean().alias("confidence"),
        pl.col("count").median().alias("repeats"),
        pl.col("wasted_ms").median(),
    )
    return (
        seen.join(_after(seen, visits), on="pattern", how="left")
        .with_columns(pl.col("since").fill_null(0))
        .with_columns(_severity(limits).alias("severity"), _state(limits).alias("state"))
        .with_columns(pl.when(pl.col("state") == "fixed").then(_faster()).alias("better"))
        .select(pl.col(name).cast(kind) for name, kind in PATTERNS.items())
        .sort(pl.col("state") != "open", pl.col("wasted_ms").fill_null(0) * pl.col("detections"), "pattern",
              descending=[False, True, False])
    )  # fmt: skip


def _told(predictions: pl.DataFrame) -> pl.DataFrame:
    """One row a loop that the evidence of `predictions` tells, with its pattern; `is_loop` where its trace was
    flagged.
    """
    rows = [
        (index, str(group.get("template") or ""), group.get("parent"), group.get("caller"), group.get("count"),
         group.get("wasted_ms"), group.get("probability"))
        for index, text in enumerate(predictions["evidence"].to_list())
        for group in _groups(text)
    ]  # fmt: skip
    schema = {
        "index": pl.UInt32, "template": pl.String, "parent": pl.String, "caller": pl.String, "count": pl.Float64,
        "wasted_ms": pl.Float64, "probability": pl.Float64,
    }  # fmt: skip
    told = pl.DataFrame(rows, schema=schema, orient="row", strict=False)
    names = told.select("template", "parent").unique()
    keys = [digest(f"{template}\x1f{parent or ''}") for template, parent in names.iter_rows()]
    names = names.with_columns(pl.Series("pattern", keys, dtype=pl.String))
    context = predictions.with_row_index("index").select("index", "prediction_id", "ts", "threshold")
    return (
        told.join(names, on=["template", "parent"], nulls_equal=True)
        .join(context, on="index")
        .with_columns((pl.col("probability") >= pl.col("threshold")).fill_null(False).alias("is_loop"))
    )


def _groups(evidence: str | None) -> list[dict[str, object]]:
    """The loops in a prediction's evidence; none where it is no such JSON."""
    try:
        parsed = json.loads(evidence or "")
    except ValueError:
        return []
    groups = parsed.get("groups") if isinstance(parsed, dict) else None
    return [group for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []


def _visits(predictions: pl.DataFrame, places: pl.DataFrame | None) -> pl.DataFrame:
    """One row a trace: the place it was at, or null, and the time of all its statements."""
    told = pl.col("features").str.json_path_match
    traces = predictions.select(
        "prediction_id", "subject", "ts", told("$.total_ms").cast(pl.Float64, strict=False).alias("trace_ms"),
        told("$.place").alias("place"),
    )  # fmt: skip
    if places is None:
        return traces
    return traces.drop("place").join(places.select("subject", "place").unique("subject"), on="subject", how="left")


def _after(seen: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    """How often each pattern's places were visited after it was last seen, and what a visit took before and after."""
    after = pl.col("ts") > pl.col("last_seen")
    return (
        seen.select("pattern", "last_seen", pl.col("places").alias("place"))
        .explode("place")
        .join(visits, on="place")
        .group_by("pattern")
        .agg(
            pl.col("prediction_id").filter(after).n_unique().cast(pl.Int64).alias("since"),
            pl.col("trace_ms").filter(~after).median().alias("trace_ms_before"),
            pl.col("trace_ms").filter(after).median().alias("trace_ms_after"),
        )
    )


def _faster() -> pl.Expr:
    return pl.col("trace_ms_after") < pl.col("trace_ms_before")


def _severity(limits: Judgement) -> pl.Expr:
    wasted, repeats = pl.col("wasted_ms").fill_null(0.0), pl.col("repeats")
    return (
        pl.when((wasted >= limits.high_ms) | (repeats >= limits.high_repeats)).then(pl.lit("high"))
        .when((wasted >= limits.medium_ms) | (repeats >= limits.medium_repeats)).then(pl.lit("medium"))
        .otherwise(pl.lit("low"))
    )  # fmt: skip


def _state(limits: Judgement) -> pl.Expr:
    return (
        pl.when(pl.col("since") >= limits.clean_traces).then(pl.lit("fixed"))
        .when(pl.col("since") == 0).then(pl.lit("open"))
        .otherwise(pl.lit("unknown"))
    )  # fmt: skip
