"""What is missing on a site for everybody: dead links, avatars that nobody set, a feature an old client still asks for.

Several clients that are mostly served and come upon the same missing page are no scanners: that page is the site's
habit. A scanner cannot vote for its own dictionary, for it is mostly refused.
"""

from __future__ import annotations

import polars as pl

from engine.waf.marks import kind_of

VOTERS = 5
"""Clients that must have met a kind of missing page within HABIT_MINUTES."""
ASKED = 50
"""Clients looked at for a kind and minute; the rest cannot change the outcome by much."""
SERVED = 0.5
"""A client that got less than this share of what it asked for has no vote."""
HABIT_MINUTES = 10


def habits(requests: pl.LazyFrame) -> pl.DataFrame:
    """`kind`, `minute`, `is_habit` (true): the kinds of path that were missing for everybody in the minutes before."""
    known = requests.filter(pl.col("client_ip").is_not_null() & pl.col("ts").is_not_null()).select(
        pl.col("client_ip").alias("client"),
        pl.col("ts").dt.truncate("1m").alias("minute"),
        kind_of(pl.col("path")).alias("kind"),
        pl.col("status").is_between(400, 499).fill_null(False).alias("is_missing"),
        "ts", "source", "byte_offset",
    )  # fmt: skip
    missing = known.filter(pl.col("is_missing") & pl.col("kind").is_not_null())
    met = missing.select("client", "minute", "kind").unique().collect(engine="streaming")
    common = met.group_by("kind").agg(pl.col("client").n_unique()).filter(pl.col("client") >= VOTERS)
    met = (
        met.join(common, on="kind", how="semi")
        .sort("kind", "minute", "client")
        .group_by("kind", "minute", maintain_order=True)
        .head(ASKED)
    )
    if met.is_empty():
        return pl.DataFrame(schema={"kind": pl.String, "minute": met.schema["minute"], "is_habit": pl.Boolean})
    theirs = known.join(met.lazy(), on="client", how="semi").unique()
    figures = (
        theirs.group_by("client", "minute")
        .agg(pl.len().alias("asked"), pl.col("is_missing").sum())
        .collect(engine="streaming")
    )
    voters = (
        _lately(figures)
        .group_by("client", "minute")
        .agg((pl.col("is_missing").sum() / pl.col("asked").sum()).alias("missing"))
        .filter(pl.col("missing") <= 1.0 - SERVED)
    )
    return (
        _lately(met)
        .unique()
        .join(voters, on=["client", "minute"], how="semi")
        .group_by("kind", "minute")
        .agg(pl.len().alias("votes"))
        .filter(pl.col("votes") >= VOTERS)
        .select("kind", "minute", pl.lit(True).alias("is_habit"))
    )


def _lately(frame: pl.DataFrame) -> pl.DataFrame:
    """Each row in every minute from its own on, HABIT_MINUTES long."""
    reach = pl.datetime_ranges("minute", pl.col("minute") + pl.duration(minutes=HABIT_MINUTES - 1), interval="1m")
    return frame.with_columns(reach.alias("minute")).explode("minute")


def with_habits(events: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """`events` (with `kind` and `minute`) and `is_habit`: whether what was asked for is missing here for everybody."""
    if known.is_empty():
        return events.with_columns(pl.lit(False).alias("is_habit"))
    joined = events.join(known, on=["kind", "minute"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("is_habit").fill_null(False))
