"""From evidence to one probability: each part a weight and words, put together as independent witnesses.

score = 1 - product of (1 - weight) over the parts (noisy or), so one sure witness is enough and several unsure ones add up.
Parts that honest robots show too count less for a client that says it is one. Nothing else enters the score.
"""

from __future__ import annotations

import polars as pl

from engine.waf.behaviour import PART, PARTS
from engine.waf.events import HISTORY, UNKNOWN_CLIENT
from engine.waf.signals import all_signals

EXCUSED = 0.35
"""What an excusable part still weighs for a self-declared honest robot."""
HISTORY_WEIGHT = 0.3
"""A client that attacked within HISTORY is watched more closely; on its own this never flags."""
MAX_PARTS = 6
_MINUTE = pl.Datetime("us", "UTC")


def payload_parts(events: pl.DataFrame) -> pl.DataFrame:
    """PARTS for the payloads of a client's minute: one part an attack class, with the words of its signals."""
    words = {signal.name: signal.words for signal in all_signals()}
    shown = events.filter(pl.col("p") >= 0.05).sort("client", "minute", "p", "n", descending=[False, False, True, False])
    grouped = shown.group_by("client", "minute", "attack", maintain_order=True).agg(
        pl.col("p").first().alias("weight"), pl.col("signals").first(), pl.len().alias("count"),
        pl.col("target").unique(maintain_order=True).head(3).alias("requests"), pl.col("unit").first(),
    )  # fmt: skip
    said = pl.col("signals").list.eval(pl.element().replace_strict(words)).list.head(3).list.join("; ")
    times = pl.when(pl.col("count") > 1).then(pl.lit(" (") + pl.col("count").cast(pl.String) + " requests)").otherwise(pl.lit(""))
    part = pl.struct(
        pl.lit("payload").alias("kind"), "weight", (pl.col("attack") + ": " + said + times).alias("words"), "requests"
    ).cast(PART)
    return grouped.select("client", "minute", pl.lit(False).alias("excusable"), part.alias("part")).cast(dict(PARTS))


def weighed(minutes: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """`minutes` with `score`, and `parts` (List of PART, heaviest first): what was found, excused and remembered."""
    named = parts.filter((pl.col("client") != UNKNOWN_CLIENT) | (pl.col("part").struct.field("kind") == "payload"))
    known = named.join(minutes.select("client", "minute", "good_bot"), on=["client", "minute"])
    weight = pl.col("part").struct.field("weight") * pl.when(pl.col("excusable") & pl.col("good_bot")).then(EXCUSED).otherwise(1.0)
    known = known.with_columns(pl.col("part").struct.with_fields(weight.alias("weight")))
    now = (
        known.with_columns(pl.col("part").struct.field("weight").alias("w"), pl.col("part").struct.field("kind").alias("k"))
        .sort("client", "minute", "w", "k", descending=[False, False, True, False])
        .group_by("client", "minute", maintain_order=True)
        .agg((1.0 - (1.0 - pl.col("w").clip(0, 0.9999)).product()).alias("evidence_p"), pl.col("part").head(MAX_PARTS).alias("parts"))
    )  # fmt: skip
    rows = minutes.join(now, on=["client", "minute"], how="left", maintain_order="left").with_columns(pl.col("evidence_p").fill_null(0.0))
    return rows.join(_history(rows), on=["client", "minute"], how="left", maintain_order="left").with_columns(_score())


def _history(rows: pl.DataFrame) -> pl.DataFrame:
    """`earlier`: minutes within HISTORY before this one in which what was seen was an attack by itself."""
    guilty = rows.select("client", "minute", (pl.col("evidence_p") >= 0.5).cast(pl.Int64).alias("guilty"))
    return (
        guilty.sort("client", "minute")
        .rolling("minute", period=HISTORY, offset=-HISTORY, closed="left", group_by="client")
        .agg(pl.col("guilty").sum().alias("earlier"))
    )


def _score() -> pl.Expr:
    past = pl.when((pl.col("earlier") > 0) & (pl.col("evidence_p") > 0.1)).then(HISTORY_WEIGHT).otherwise(0.0)
    return (1.0 - (1.0 - pl.col("evidence_p")) * (1.0 - past)).clip(0.0, 1.0).alias("score")
