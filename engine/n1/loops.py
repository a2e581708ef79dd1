"""Loops in a trace: statements of one template, place in the code and trace, with different values each time.

    events --encode (in batches)--> narrow rows --windows--> --groups--> one row a possible loop, with what speaks for it

A row keeps no text but the subject: a template is a category, values are a hash. So memory grows with the number of
statements (about 100 bytes each), not with their length.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from engine.n1.statements import Statement, related, understand
from storage.fingerprint import plain, templates

COUNTS, CANDIDATE, MANY, ASKS_LIMIT, WRITES = 1, 2, 4, 8, 16
"""Bits of a row's `role`: no noise, may be repeated in a loop, may return many rows, its LIMIT is a parameter, changes data."""

PERIOD = 6
"""Statements that one turn of a loop may hold at most and still count as adjacent (Sentry looks at 5, then 8)."""

_ENCODED = pl.Struct({"template": pl.Categorical, "text": pl.UInt64, "role": pl.UInt8})


@dataclass(frozen=True, slots=True)
class Cut:
    """How statements are cut into windows: silence that ends a subject's window, its longest length, and the silence
    that ends a request within a session without trace ids."""

    settle: timedelta
    span: timedelta
    idle: timedelta


def role(statement: Statement) -> int:
    """The bits of a statement's role."""
    if statement.verb == "noise":
        return 0
    loops = statement.shape in ("lookup", "exists", "validation")
    return (
        COUNTS
        | (CANDIDATE if loops and statement.verb in ("select", "call") else 0)
        | (MANY if statement.many else 0)
        | (ASKS_LIMIT if statement.asks_limit else 0)
        | (WRITES if statement.verb == "write" else 0)
    )


def encode(sql: pl.Series) -> pl.Series:
    """Each statement's template, a hash of its text without comments, and its role, as a struct."""
    text = plain(sql)
    shape = templates(text).cast(pl.Categorical)
    known = pl.DataFrame({"template": shape.drop_nulls().unique()})
    roles = [role(understand(t)) for t in known["template"].cast(pl.String)]
    frame = pl.DataFrame({"template": shape, "text": text.hash(seed=0)}).join(
        known.with_columns(pl.Series("role", roles, dtype=pl.UInt8)), on="template", how="left", maintain_order="left"
    )
    return frame.with_columns(pl.col("role").fill_null(0)).to_struct("sql")


def narrow(events: pl.LazyFrame) -> pl.LazyFrame:
    """Events as narrow rows; every expression is elementwise, so this part streams."""
    trace, session = _given("trace_id"), _given("session")
    params = _given("params")
    bound = pl.when(params.is_in(["[]", "{}"])).then(None).otherwise(params)
    duration = pl.col("duration_ms")
    return events.filter(pl.col("sql").is_not_null() & pl.col("ts").is_not_null()).select(
        pl.coalesce(trace, session, _given("source"), pl.lit("unknown")).alias("subject"),
        trace.is_not_null().alias("traced"),
        "ts",
        pl.col("byte_offset"),
        pl.col("span_id").hash(seed=0).alias("span"),
        pl.col("sql").map_batches(encode, return_dtype=_ENCODED, is_elementwise=True).alias("sql"),
        bound.hash(seed=0).alias("bound"),
        (bound.is_null() & pl.col("sql").str.contains_any(["?", "$", "%s", "%(", " :", "=:", "(:", ",:", "@"])).alias("veiled"),
        bound.str.contains(r"(?:^|[^0-9.])1[\"'\]})\s]*$").fill_null(False).alias("ends_one"),
        pl.when(duration.is_finite() & (duration >= 0)).then(duration).alias("ms"),
        _given("caller").cast(pl.Categorical).alias("caller"),
        pl.col("rows_returned"),
    ).unnest("sql").with_columns((pl.col("text") ^ pl.col("bound")).alias("values")).drop("bound")  # fmt: skip


def _given(name: str) -> pl.Expr:
    """A text column whose empty values and dashes are null."""
    return pl.when(pl.col(name).is_in(["", "-"])).then(None).otherwise(pl.col(name))


def windowed(rows: pl.DataFrame, cut: Cut) -> pl.DataFrame:
    """`rows` in order, without duplicates, with `window` and `unit` (a request within it) numbered and `pos` in the unit.

    A duplicate is a row equal to another in everything that is kept. Where times are equal the offset in the log decides,
    then the values: the order in which rows were read never matters.
    """
    keys = ["ts", "byte_offset", "span", "values", "ms"]
    rows = rows.with_columns(pl.col("subject").hash(seed=0).alias("who")).sort("who", *keys)
    same_subject = pl.col("who") == pl.col("who").shift(1)
    same = same_subject & pl.all_horizontal(pl.col(k).eq_missing(pl.col(k).shift(1)) for k in keys)
    rows = rows.filter(~same.fill_null(False))
    gap = pl.when(same_subject).then(pl.col("ts").diff())
    rows = rows.with_columns((gap.is_null() | (gap > cut.settle)).alias("starts"), gap.alias("gap"))
    rows = rows.with_columns(pl.Series("starts", _cut_long(rows, cut.span)))
    counts = (pl.col("role") & COUNTS) > 0
    return rows.with_columns(
        pl.col("starts").cum_sum().alias("window"),
        (pl.col("starts") | (~pl.col("traced") & (pl.col("gap") > cut.idle))).cum_sum().alias("unit"),
        counts.cum_sum().alias("pos"),
        ((pl.col("role") & WRITES) > 0).cum_sum().alias("writes"),
    ).drop("who", "gap", "starts", "span", "byte_offset", "text")  # fmt: skip


def _cut_long(rows: pl.DataFrame, span: timedelta) -> np.ndarray:
    """`starts`, with more of them where a window would last longer than `span`: at the first event `span` or more after it began."""
    starts = rows["starts"].to_numpy().copy()
    if not len(starts):
        return starts
    ts = rows["ts"].to_physical().to_numpy()
    begin = np.flatnonzero(starts)
    end = np.append(begin[1:], len(starts))
    limit = int(span.total_seconds() * 1_000_000)
    for first, last in _long(begin, end, ts, limit):
        at = first
        while ts[last - 1] - ts[at] >= limit:
            at = at + int(np.searchsorted(ts[at:last], ts[at] + limit))
            starts[at] = True
    return starts


def _long(begin: np.ndarray, end: np.ndarray, ts: np.ndarray, limit: int) -> list[tuple[int, int]]:
    long = np.flatnonzero(ts[end - 1] - ts[begin] >= limit)
    return [(int(begin[i]), int(end[i])) for i in long]


def groups(rows: pl.DataFrame, min_repeats: int) -> pl.DataFrame:
    """One row a possible loop: a unit's statements of one template and caller, at least `min_repeats` of them.

    Columns: window, unit, template, caller, n, distinct (values; null when no values were logged), first_pos, near (share of
    gaps that one turn of a loop explains), total_ms, longest_ms (null where no duration is known), timed (share with one).
    """
    gap = pl.col("pos").diff()
    return (
        rows.lazy()
        .filter((pl.col("role") & CANDIDATE) > 0)
        .group_by("unit", "template", "caller")
        .agg(
            pl.col("window").first(),
            pl.len().alias("n"),
            pl.col("values").n_unique().alias("distinct"),
            pl.col("veiled").all().alias("veiled"),
            pl.col("pos").min().alias("first_pos"),
            pl.col("pos").max().alias("last_pos"),
            (gap <= PERIOD).sum().alias("near"),
            (pl.col("writes").max() - pl.col("writes").min()).alias("writes"),
            pl.col("ms").sum().alias("total_ms"),
            pl.col("ms").max().alias("longest_ms"),
            pl.col("ms").count().alias("timed"),
        )
        .filter(pl.col("n") >= min_repeats)
        .with_columns(
            pl.when(pl.col("veiled") & (pl.col("distinct") == 1)).then(None).otherwise(pl.col("distinct")).alias("distinct")
        )
        .collect()
    )


def parents(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """`found` with its likeliest parent: `parent` (template), `relation` 0..3, `parent_gap` (statements between)."""
    many = ((pl.col("role") & MANY) > 0) & ~(((pl.col("role") & ASKS_LIMIT) > 0) & pl.col("ends_one"))
    several = pl.when(pl.col("rows_returned").is_not_null()).then(pl.col("rows_returned") > 1).otherwise(many)
    sources = (
        rows.lazy()
        .filter(((pl.col("role") & MANY) > 0) & several)
        .join(found.lazy().select("unit").unique(), on="unit", how="semi")
        .group_by("unit", "template")
        .agg(pl.col("pos").min().alias("at"))
        .rename({"template": "parent"})
    )
    pairs = (
        found.lazy()
        .select("unit", "template", "caller", "first_pos")
        .join(sources, on="unit")
        .filter((pl.col("at") < pl.col("first_pos")) & (pl.col("parent") != pl.col("template")))
        .collect()
    )
    kinds = pairs.select("template", "parent").unique()
    relation = [related(understand(a), understand(b)) for a, b in kinds.select(pl.all().cast(pl.String)).iter_rows()]
    best = (
        pairs.join(kinds.with_columns(pl.Series("relation", relation, dtype=pl.Int8)), on=["template", "parent"])
        .sort("relation", "at")
        .group_by("unit", "template", "caller", maintain_order=True)
        .agg(pl.col("parent").last(), pl.col("relation").last(), (pl.col("first_pos") - pl.col("at")).last().alias("parent_gap"),
             (pl.col("first_pos") - pl.col("at")).min().alias("source_gap"))
    )
    return found.join(best, on=["unit", "template", "caller"], how="left", nulls_equal=True)
