"""From loops to a verdict on a trace: features, score, reason and evidence, all as columns."""

from __future__ import annotations

import polars as pl

from engine.n1 import loops, model
from engine.n1.statements import understand
from storage.schema import TIME

MOST_LOOPS = 12
"""Possible loops of a request that are looked at, those with the most different values first."""
MOST_TEMPLATE = 2_000
"""Characters of a template that the evidence keeps."""

_MEASURED: dict[str, pl.DataType | type[pl.DataType]] = {name: pl.Float64 for name in model.WEIGHTS}
_LOOP: dict[str, pl.DataType | type[pl.DataType]] = {
    "template": pl.String, "n": pl.UInt32, "distinct": pl.UInt32, "parent": pl.String, "relation": pl.Int8,
    "caller": pl.String, "kind": pl.String, "shape": pl.String, "table": pl.String, "key": pl.String,
    "total_ms": pl.Float64, "wasted_ms": pl.Float64, "timed": pl.UInt32,
} | _MEASURED  # fmt: skip
FEATURES = pl.Schema(
    {
        "subject": pl.String, "window_start": TIME, "window_end": TIME, "statements": pl.UInt32, "templates": pl.UInt32,
        "total_ms": pl.Float64, "with_caller": pl.Float64, "with_values": pl.Float64, "with_duration": pl.Float64,
        "traced": pl.Boolean, "loops": pl.List(pl.Struct(_LOOP)),
    }
)  # fmt: skip
"""`with_*` are the shares of statements that told their call site, values and duration; `total_ms` is null where none did."""

KINDS = {
    ("lookup", "own"): "row by id", ("lookup", "foreign"): "rows of one owner", ("lookup", "natural"): "row by name",
    ("lookup", "none"): "prepared statement", ("exists", "own"): "count or check of one row",
    ("exists", "foreign"): "count or check of one owner", ("exists", "natural"): "count or check by name",
    ("validation", "natural"): "validation", ("validation", "own"): "validation", ("validation", "foreign"): "validation",
}  # fmt: skip


def describe(rows: pl.DataFrame, min_repeats: int) -> pl.DataFrame:
    """FEATURES of windowed rows: one row a window, with its possible loops as a list."""
    counts = (pl.col("role") & loops.COUNTS) > 0
    windows = rows.lazy().group_by("window").agg(
        pl.col("subject").first(), pl.col("ts").min().alias("window_start"), pl.col("ts").max().alias("window_end"),
        counts.sum().cast(pl.UInt32).alias("statements"),
        pl.col("template").filter(counts).n_unique().cast(pl.UInt32).alias("templates"),
        pl.when(pl.col("ms").count() > 0).then(pl.col("ms").sum()).alias("total_ms"),
        pl.col("caller").is_not_null().mean().alias("with_caller"), (~pl.col("veiled")).mean().alias("with_values"),
        pl.col("ms").is_not_null().mean().alias("with_duration"), pl.col("traced").first(),
    )  # fmt: skip
    found = loops.groups(rows, min_repeats)
    if found.is_empty():
        empty = pl.lit([], dtype=pl.List(pl.Struct(_LOOP))).alias("loops")
        return windows.with_columns(empty).select(FEATURES.names()).sort("window_start", "subject").collect()
    listed = _measured(rows, _busiest(found)).group_by("window").agg(pl.struct(list(_LOOP)).alias("loops"))
    return (
        windows.join(listed.lazy(), on="window", how="left")
        .with_columns(pl.col("loops").fill_null([]))
        .select(FEATURES.names())
        .sort("window_start", "subject")
        .collect()
    )


def _busiest(found: pl.DataFrame) -> pl.DataFrame:
    order = found.with_columns(pl.col("template").cast(pl.String).alias("text"), pl.col("caller").cast(pl.String).alias("place"))
    return (
        order.sort("unit", pl.coalesce("distinct", "n"), "n", "text", "place", descending=[False, True, True, False, False])
        .group_by("unit", maintain_order=True)
        .head(MOST_LOOPS)
        .drop("text", "place")
    )


def _measured(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Loops with their statement understood, their parent, and the model's features."""
    sizes = (
        rows.lazy().join(found.lazy().select("unit").unique(), on="unit", how="semi")
        .group_by("unit").agg(((pl.col("role") & loops.COUNTS) > 0).sum().alias("unit_n")).collect()
    )  # fmt: skip
    known = found.select("template").unique()
    facts = [understand(text) for text in known["template"].cast(pl.String)]
    known = known.with_columns(
        pl.Series("shape", [f.shape for f in facts], dtype=pl.String),
        pl.Series("key_kind", [f.key_kind for f in facts], dtype=pl.String),
        pl.Series("table", [f.table for f in facts], dtype=pl.String),
        pl.Series("key", [f.key for f in facts], dtype=pl.String),
        pl.Series("kind", [KINDS.get((f.shape, f.key_kind), f.shape) for f in facts], dtype=pl.String),
    )
    wasted = pl.when(pl.col("timed") > 0).then(pl.col("total_ms") - pl.col("longest_ms"))
    return (
        loops.parents(rows, found)
        .join(known, on="template")
        .join(sizes, on="unit")
        .with_columns(**model.features())
        .with_columns(
            wasted.alias("wasted_ms"),
            pl.when(pl.col("timed") > 0).then("total_ms").alias("total_ms"),
            *(pl.col(name).cast(pl.String).str.slice(0, MOST_TEMPLATE) for name in ("template", "parent", "caller")),
            pl.when(pl.col("distinct") == 1).then(pl.lit("same values again")).otherwise("kind").alias("kind"),
        )
        .select("window", *(pl.col(name).cast(kind) for name, kind in _LOOP.items()))
    )


def judge(features: pl.LazyFrame, min_wasted_ms: float, most: int) -> pl.LazyFrame:
    """`features` without `loops`, with `score`, `reason` and `evidence`.

    A loop known to waste less than `min_wasted_ms` counts half, which no threshold in the detector's range flags.
    """
    rows = features.with_row_index("at")
    sure = pl.when(pl.col("wasted_ms") < min_wasted_ms).then(model.probability() / 2).otherwise(model.probability())
    each = (
        rows.select("at", "loops").filter(pl.col("loops").list.len() > 0).explode("loops").unnest("loops")
        .with_columns(sure.alias("p"))
        .sort("at", "p", "n", "template", "caller", descending=[False, True, True, False, False])
        .with_columns(_words().alias("words"))
    )  # fmt: skip
    told = pl.struct(
        "template", pl.col("n").alias("count"), pl.col("distinct").alias("distinct_params"),
        pl.col("wasted_ms").round(3), "parent", "caller", "kind", pl.col("p").round(4).alias("probability"),
    )  # fmt: skip
    best = each.group_by("at", maintain_order=True).agg(
        pl.col("p").first().alias("score"), pl.col("words").first(), told.head(most).alias("groups"),
        *(pl.col(name).first() for name in model.WEIGHTS),
        pl.col("n").first().alias("repeats"), pl.col("distinct").first().alias("distinct_params"), pl.col("wasted_ms").first(),
    )  # fmt: skip
    return (
        rows.drop("loops").join(best, on="at", how="left").sort("at")
        .with_columns(
            pl.col("score").fill_null(model.NO_LOOP),
            pl.coalesce("words", pl.format("{} statements, none repeated in a loop", "statements")).alias("reason"),
            pl.struct(pl.col("groups").fill_null([]), _lacked().alias("lacked")).struct.json_encode().alias("evidence"),
            (pl.col("wasted_ms") / pl.col("total_ms")).alias("time_share"),
        )
        .drop("at", "words", "groups")
    )  # fmt: skip


def _lacked() -> pl.Expr:
    """Which facts the log did not tell, as a list of names."""
    missing = [
        pl.when(pl.col("with_caller") < 1).then(pl.lit("caller")),
        pl.when(pl.col("with_values") < 1).then(pl.lit("params")),
        pl.when(pl.col("with_duration") < 1).then(pl.lit("duration_ms")),
        pl.when(~pl.col("traced")).then(pl.lit("trace_id")),
    ]
    return pl.concat_list(missing).list.drop_nulls()


def _short(column: str) -> pl.Expr:
    """A template for people: a long column list becomes an ellipsis, and nothing is longer than 140 characters."""
    text = pl.col(column).str.replace(r"(?is)^(~?select)\s.{40,}?\sfrom\s", "${1} … FROM ")
    return pl.when(text.str.len_chars() > 140).then(text.str.slice(0, 139) + "…").otherwise(text)


def _words() -> pl.Expr:
    """A loop in the words of the person on call."""
    verb = pl.when(pl.col("p") >= 0.5).then(pl.lit("N+1: ")).otherwise(pl.lit("no N+1, most alike: "))
    values = (
        pl.when(pl.col("distinct").is_null()).then(pl.lit(" (values not logged)"))
        .when(pl.col("distinct") == 1).then(pl.lit(" with the same values"))
        .otherwise(pl.format(" with {} different values", "distinct"))
    )  # fmt: skip
    place = pl.when(pl.col("caller").is_null()).then(pl.lit("")).otherwise(pl.format(" at {}", "caller"))
    parent = pl.when(pl.col("parent").is_null()).then(pl.lit("")).otherwise(pl.format(" after {}", _short("parent")))
    wasted = (
        pl.when(pl.col("wasted_ms").is_null()).then(pl.lit(""))
        .otherwise(pl.format("; about {} ms wasted", pl.col("wasted_ms").round(1)))
    )  # fmt: skip
    return pl.concat_str(verb, pl.format("{} x {}", "n", _short("template")), values, place, parent, wasted)
