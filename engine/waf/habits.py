"""What is missing on a site for everybody: dead links, avatars that nobody set, a feature an old client still asks for.

Several clients that come upon few missing pages, and come upon the same, are no scanners: that page is the site's
habit. A scanner cannot vote for its own dictionary, for it meets too many missing pages.
"""

from __future__ import annotations

import polars as pl

VOTERS = 5
"""Clients that must have met a missing page within HABIT_MINUTES."""
FEW_PATHS = 3
"""A client that met more kinds of missing pages than this has no vote."""
HABIT_MINUTES = 10
_NUMBERS = r"[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]{4,})*|\d+"


def kind_of(path: pl.Expr) -> pl.Expr:
    """A path with its numbers and hashes taken out, so that all avatars are one kind."""
    return path.str.replace_all(_NUMBERS, "0")


def habits(requests: pl.LazyFrame) -> pl.DataFrame:
    """`kind`, `minute`, `is_habit` (true): the kinds of path that were missing for everybody in the minutes before."""
    missing = pl.col("status").is_between(400, 499) & pl.col("client_ip").is_not_null() & pl.col("path").is_not_null()
    met = (
        requests.filter(missing)
        .select(pl.col("client_ip").alias("client"), kind_of(pl.col("path")).alias("kind"),
                pl.col("ts").dt.truncate("1m").alias("minute"))
        .drop_nulls().unique().collect()
    )  # fmt: skip
    common = met.group_by("kind").agg(pl.col("client").n_unique()).filter(pl.col("client") >= VOTERS)
    reach = pl.datetime_ranges("minute", pl.col("minute") + pl.duration(minutes=HABIT_MINUTES - 1), interval="1m")
    lately = met.with_columns(reach.alias("minute")).explode("minute").unique()
    voters = lately.group_by("client", "minute").agg(pl.len().alias("kinds")).filter(pl.col("kinds") <= FEW_PATHS)
    return (
        lately.join(common, on="kind", how="semi")
        .join(voters, on=["client", "minute"], how="semi")
        .group_by("kind", "minute")
        .agg(pl.len().alias("votes"))
        .filter(pl.col("votes") >= VOTERS)
        .select("kind", "minute", pl.lit(True).alias("is_habit"))
    )


def with_habits(events: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """`events` (with `minute`) and `is_habit`: whether what was asked for is missing here for everybody."""
    if known.is_empty():
        return events.with_columns(pl.lit(False).alias("is_habit"))
    joined = events.with_columns(kind_of(pl.col("path")).alias("kind")).join(
        known, on=["kind", "minute"], how="left", maintain_order="left"
    )
    return joined.drop("kind").with_columns(pl.col("is_habit").fill_null(False))
