"""The numbers of a client's minute: rate, diversity, entropy, regularity, shares; what the evidence is read against."""

from __future__ import annotations

import polars as pl

_STATUS = pl.col("status")
LACKING = ("user_agent", "status", "headers", "body", "referer")
"""What a log may not tell; named in the evidence where it told none of it."""


def _entropy_bits(events: pl.DataFrame, column: str) -> pl.DataFrame:
    """Shannon entropy of a column's values in each client's minute, in bits; no row where it has none."""
    keys = ["client", "minute"]
    counts = events.filter(pl.col(column).is_not_null()).group_by(*keys, column).len()
    share = pl.col("len") / pl.col("len").sum()
    return counts.group_by(keys).agg((-(share * share.log(2.0)).sum()).clip(0.0).alias(f"{column}_entropy_bits"))


def minutes(events: pl.DataFrame) -> pl.DataFrame:
    """One row a `client` and `minute` of prepared events, with the features named in the detector's documentation."""
    gap_s = pl.col("gap_us") / 1e6
    gaps = events.with_columns(pl.col("ts").diff().over("client", "minute").dt.total_microseconds().alias("gap_us"))
    rows = gaps.group_by("client", "minute", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("requests"),
        pl.col("target").n_unique().alias("distinct_targets"),
        pl.col("user_agent").drop_nulls().n_unique().alias("user_agents"),
        pl.when(pl.len() >= 5).then(gap_s.std() / gap_s.mean().clip(1e-3)).alias("gap_variation"),
        pl.when(_STATUS.count() > 0).then(_STATUS.is_between(400, 499).sum() / _STATUS.count()).alias("share_4xx"),
        pl.when(_STATUS.count() > 0).then(_STATUS.is_between(500, 599).sum() / _STATUS.count()).alias("share_5xx"),
        (pl.col("method").is_in(["GET", "HEAD"]).not_().sum() / pl.len()).alias("share_not_get"),
        pl.col("method").n_unique().alias("methods"),
        (pl.col("is_static").sum() / pl.len()).alias("share_static"),
        pl.col("p").max().alias("payload_p"),
        (pl.col("p") >= 0.5).sum().cast(pl.Int64).alias("payload_requests"),
        pl.col("is_good_bot").all().alias("good_bot"),
        pl.col("is_tool").all().alias("tool"),
        *(pl.col(name).is_null().all().alias(f"no_{name}") for name in LACKING),
    )  # fmt: skip
    for column in ("path", "query"):
        rows = rows.join(_entropy_bits(events, column), on=["client", "minute"], how="left", maintain_order="left")
    return rows
