"""The numbers of a client's minute: rate, diversity, entropy, regularity, shares; what the evidence is read against."""

from __future__ import annotations

import polars as pl

from engine.waf.honest import is_good_bot, is_tool

_STATUS = pl.col("status")


def _entropy(column: str) -> pl.Expr:
    """Shannon entropy of a column's values within the group, in bits; null where it has none."""
    share = pl.col(column).drop_nulls().unique_counts() / pl.col(column).count()
    return pl.when(pl.col(column).count() > 0).then(-(share * share.log(2.0)).sum())


def minutes(events: pl.DataFrame) -> pl.DataFrame:
    """One row a `client` and `minute` of prepared events, with the features named in the detector's documentation."""
    gap_s = pl.col("ts").diff().dt.total_microseconds() / 1e6
    rows = events.group_by("client", "minute", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("requests"),
        pl.col("target").n_unique().alias("distinct_targets"),
        _entropy("path").alias("path_entropy_bits"),
        _entropy("query").alias("query_entropy_bits"),
        pl.col("user_agent").drop_nulls().n_unique().alias("user_agents"),
        pl.when(pl.len() >= 5).then(gap_s.std() / gap_s.mean().clip(1e-3)).alias("gap_variation"),
        (_STATUS.is_between(400, 499).sum() / _STATUS.count().clip(1)).alias("share_4xx"),
        (_STATUS.is_between(500, 599).sum() / _STATUS.count().clip(1)).alias("share_5xx"),
        (pl.col("method").is_in(["GET", "HEAD"]).not_().sum() / pl.len()).alias("share_not_get"),
        pl.col("method").n_unique().alias("methods"),
        (pl.col("is_static").sum() / pl.len()).alias("share_static"),
        pl.col("p").max().alias("payload_p"),
        (pl.col("p") >= 0.5).sum().cast(pl.Int64).alias("payload_requests"),
        is_good_bot(pl.col("user_agent")).all().alias("good_bot"),
        is_tool(pl.col("user_agent")).all().alias("tool"),
        *(pl.col(name).is_null().all().alias(f"no_{name}") for name in ("user_agent", "status", "headers", "body", "referer")),
    )  # fmt: skip
    return rows.with_columns(
        pl.when("no_status").then(None).otherwise(pl.col("share_4xx")).alias("share_4xx"),
        pl.when("no_status").then(None).otherwise(pl.col("share_5xx")).alias("share_5xx"),
    )
