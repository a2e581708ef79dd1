"""The verdict on a trace: its surest loop's probability, told in words, with the loops as evidence."""

from __future__ import annotations

import polars as pl

from engine.n1 import model

_KINDS = {
    "lookup own": "row by id", "lookup foreign": "rows of one owner", "lookup natural": "row by name",
    "count own": "count for one row", "count foreign": "count for one owner", "count natural": "count by name",
    "exists own": "check of one row", "exists foreign": "check of one owner", "exists natural": "check by name",
    "call none": "prepared statement or procedure",
}  # fmt: skip
"""What a loop asks for in each turn, in words."""
_MOST_WORDS = 140
"""Characters of a template in a reason."""
_MOST_COLUMNS = 40
"""Characters of its list of columns."""


def judge(features: pl.LazyFrame, min_wasted_ms: float, most: int) -> pl.LazyFrame:
    """`features` (engine.n1.features.FEATURES) without `loops`, plus the surest loop's, `score`, `reason` and
    `evidence`.

    A loop known to waste less than `min_wasted_ms` counts half, which no threshold in the detector's range flags. The
    evidence tells at most `most` loops.
    """
    rows = features.with_row_index("_at")
    each = _each(rows, min_wasted_ms)
    best = each.group_by("_at", maintain_order=True).agg(
        pl.col("p").first().alias("score"),
        pl.col("words").first(),
        _told().head(most).alias("groups"),
        *(pl.col(name).first() for name in ("n", "distinct", "wasted_ms", *model.WEIGHTS)),
    )
    return (
        rows.drop("loops")
        .join(best, on="_at", how="left")
        .sort("_at")
        .rename({"n": "repeats", "distinct": "distinct_params"})
        .with_columns(
            pl.col("score").fill_null(model.NO_LOOP),
            pl.coalesce("words", pl.format("{} statements, no loop in them", "statements")).alias("reason"),
            pl.struct(pl.col("groups").fill_null([]), _lacked().alias("lacked")).struct.json_encode().alias("evidence"),
            pl.when(pl.col("total_ms") > 0).then(pl.col("wasted_ms") / pl.col("total_ms")).alias("time_share"),
        )
        .drop("_at", "words", "groups")
    )


def _each(rows: pl.LazyFrame, min_wasted_ms: float) -> pl.LazyFrame:
    """One row a loop with its probability `p` and its `words`, the surest of a trace first."""
    p = model.probability()
    return (
        rows.select("_at", "loops")
        .filter(pl.col("loops").list.len() > 0)
        .explode("loops")
        .unnest("loops")
        .with_columns(pl.when(pl.col("wasted_ms") < min_wasted_ms).then(p / 2).otherwise(p).alias("p"))
        .sort("_at", "p", "n", "template", "caller", descending=[False, True, True, False, False])
        .with_columns(_words().alias("words"))
    )


def _told() -> pl.Expr:
    """A loop as the evidence tells it."""
    kind = pl.concat_str("shape", pl.lit(" "), "key_kind").replace_strict(_KINDS, default=pl.col("shape"))
    return pl.struct(
        "template",
        pl.col("n").alias("count"),
        pl.col("distinct").alias("distinct_params"),
        pl.col("wasted_ms").round(3),
        "parent",
        "caller",
        pl.when(pl.col("distinct") == 1).then(pl.lit("same values again")).otherwise(kind).alias("kind"),
        pl.col("p").round(4).alias("probability"),
    )


def _lacked() -> pl.Expr:
    """What the log did not tell of every statement, as column names."""
    missing = {
        "caller": pl.col("with_caller") < 1,
        "params": pl.col("with_values") < 1,
        "duration_ms": pl.col("with_duration") < 1,
        "trace_id": ~pl.col("traced"),
    }
    return pl.concat_list(pl.when(on).then(pl.lit(name)) for name, on in missing.items()).list.drop_nulls()


def _short(column: str) -> pl.Expr:
    """A template for people: a long list of columns becomes an ellipsis, and so does what goes on too long."""
    columns = pl.col(column).str.extract(r"(?is)^~?select\s(.*?)\sfrom\s")
    fewer = pl.col(column).str.replace(r"(?is)^(~?select)\s.*?\sfrom\s", "${1} … FROM ")
    text = pl.when(columns.str.len_chars() >= _MOST_COLUMNS).then(fewer).otherwise(pl.col(column))
    cut = text.str.slice(0, _MOST_WORDS - 1) + "…"
    return pl.when(text.str.len_chars() > _MOST_WORDS).then(cut).otherwise(text)


def _words() -> pl.Expr:
    """A loop in the words of the person on call."""
    head = pl.when(pl.col("p") >= 0.5).then(pl.lit("N+1: ")).otherwise(pl.lit("no N+1, most alike: "))
    values = (
        pl.when(pl.col("distinct").is_null()).then(pl.lit(" (values not logged)"))
        .when(pl.col("distinct") == 1).then(pl.lit(" with the same values"))
        .otherwise(pl.format(" with {} different values", "distinct"))
    )  # fmt: skip
    place = pl.format(" at {}", "caller").fill_null("")
    parent = pl.format(" after {}", _short("parent")).fill_null("")
    wasted = pl.format("; about {} ms wasted", pl.col("wasted_ms").round(1)).fill_null("")
    return pl.concat_str(head, pl.format("{} x {}", "n", _short("template")), values, place, parent, wasted)
