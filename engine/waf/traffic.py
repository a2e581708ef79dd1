"""The numbers of a client's minute: rate, diversity, entropy, regularity, shares; what the evidence is read against."""

from __future__ import annotations

import polars as pl

_STATUS = pl.col("status")
LACKING = ("user_agent", "status", "headers", "body", "referer")
"""What a log may not tell; named in the evidence where it told none of it."""


def _entropy_bits(texts: pl.DataFrame, column: str) -> pl.DataFrame:
    """Shannon entropy of a column's values in each group, in bits; no row where it has none. Rounded, for sums of
    floats depend on their order."""
    counts = texts.filter(pl.col(column).is_not_null()).group_by("group", column).len()
    share = pl.col("len") / pl.col("len").sum()
    bits = (-(share * share.log(2.0)).sum()).clip(0.0).round(6)
    return counts.group_by("group").agg(bits.alias(f"{column}_entropy_bits"))


def minutes(events: pl.DataFrame) -> pl.DataFrame:
    """One row a `client` and `minute` of prepared events, with the features named in the detector's documentation.

    Events are sorted by client and time, so a minute is a run of rows; texts are counted by their hashes.
    """
    begins = pl.any_horizontal(pl.col(key).ne_missing(pl.col(key).shift(1)) for key in ("client", "minute"))
    hashed = ("target", "path", "query", "user_agent", "method")
    runs = events.with_columns(
        begins.cum_sum().alias("group"),
        pl.when(~begins).then(pl.col("ts").diff().dt.total_microseconds() / 1e6).alias("gap_s"),
        *(pl.when(pl.col(name).is_not_null()).then(pl.col(name).hash(seed=7)).alias(name) for name in hashed),
        pl.col("method").is_in(["GET", "HEAD"]).not_().alias("not_get"),
    )
    known = pl.when(_STATUS.count() > 0)
    rows = runs.group_by("group", maintain_order=True).agg(
        pl.col("client").first(),
        pl.col("minute").first(),
        pl.len().cast(pl.Int64).alias("requests"),
        pl.col("target").n_unique().alias("distinct_targets"),
        pl.col("user_agent").drop_nulls().n_unique().alias("user_agents"),
        pl.when(pl.len() >= 5).then(pl.col("gap_s").std() / pl.col("gap_s").mean().clip(1e-3)).alias("gap_variation"),
        known.then(_STATUS.is_between(400, 499).sum() / _STATUS.count()).alias("share_4xx"),
        known.then(_STATUS.is_between(500, 599).sum() / _STATUS.count()).alias("share_5xx"),
        (pl.col("not_get").sum() / pl.len()).alias("share_not_get"),
        pl.col("method").n_unique().alias("methods"),
        (pl.col("is_static").sum() / pl.len()).alias("share_static"),
        pl.col("p").max().alias("payload_p"),
        (pl.col("p") >= 0.5).sum().cast(pl.Int64).alias("payload_requests"),
        pl.col("is_good_bot").all().alias("good_bot"),
        pl.col("is_tool").all().alias("tool"),
        *(pl.col(name).is_null().all().alias(f"no_{name}") for name in LACKING),
    )  # fmt: skip
    for column in ("path", "query"):
        rows = rows.join(_entropy_bits(runs, column), on="group", how="left", maintain_order="left")
    return rows.drop("group")
