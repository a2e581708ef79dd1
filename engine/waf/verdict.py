"""From evidence to one probability: each part a weight and words, put together as witnesses.

The heaviest part counts in full and each further one half, as witnesses who may have seen the same thing:
evidence = 1 - (1 - w1) * product of (1 - w_i / 2). One sure witness is enough; several unsure ones add up slowly.
Parts that honest robots show too count less for a client that says it is one. A client that attacked within the last
HISTORY has its odds multiplied by PRIOR_ODDS where anything at all was seen. Nothing else enters the score.
"""

from __future__ import annotations

import polars as pl

from engine.waf.events import HISTORY, UNKNOWN_CLIENT
from engine.waf.parts import as_parts, part
from engine.waf.signals import all_signals

EXCUSED = 0.35
"""What an excusable part still weighs for a self-declared honest robot."""
PRIOR_ODDS = 5.0
"""How much likelier an attack is from a client that just attacked, given that something was seen."""
SEEN = 0.05
"""Payloads less likely than this are no evidence."""
MAX_PARTS = 6
_WEIGHT = pl.col("part").struct.field("weight")


def payload_parts(events: pl.DataFrame) -> pl.DataFrame:
    """PARTS for the payloads of a client's minute: one part an attack class, with the words of its signals."""
    words = {signal.name: signal.words for signal in all_signals()}
    shown = events.filter(pl.col("p") >= SEEN)
    shown = shown.sort("client", "minute", "p", "n", descending=[False, False, True, False])
    grouped = shown.group_by("client", "minute", "attack", maintain_order=True).agg(
        pl.col("p").first().alias("weight"),
        pl.col("signals").first(),
        pl.len().alias("count"),
        pl.col("target").unique(maintain_order=True).head(3).alias("requests"),
    )
    said = pl.col("signals").list.head(3).list.eval(pl.element().replace_strict(words)).list.join("; ")
    times = pl.when(pl.col("count") > 1).then(pl.format(" ({} requests)", "count")).otherwise(pl.lit(""))
    one = part("payload", pl.col("weight"), pl.format("{}: {}{}", "attack", said, times))
    return as_parts(grouped, one)


def weighed(minutes: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """`minutes` with `evidence_p`, `earlier`, `score` and `parts` (List of PART, heaviest first).

    A client that the log does not name is judged by its payloads alone.
    """
    named = (pl.col("client") != UNKNOWN_CLIENT) | (pl.col("part").struct.field("kind") == "payload")
    known = parts.filter(named).join(minutes.select("client", "minute", "good_bot"), on=["client", "minute"])
    weight = _WEIGHT * pl.when(pl.col("excusable") & pl.col("good_bot")).then(EXCUSED).otherwise(1.0)
    ranked = (
        known.with_columns(pl.col("part").struct.with_fields(weight.clip(0.0, 0.9999).alias("weight")))
        .with_columns(_WEIGHT.alias("w"), pl.col("part").struct.field("kind").alias("kind"))
        .sort("client", "minute", "w", "kind", descending=[False, False, True, False])
    )
    heard = pl.when(pl.int_range(pl.len()) == 0).then(pl.col("w")).otherwise(pl.col("w") / 2)
    now = ranked.group_by("client", "minute", maintain_order=True).agg(
        (1.0 - (1.0 - heard).product()).alias("evidence_p"), pl.col("part").head(MAX_PARTS).alias("parts")
    )
    key = ["client", "minute"]
    rows = minutes.join(now, on=key, how="left", maintain_order="left")
    rows = rows.with_columns(pl.col("evidence_p").fill_null(0.0))
    return rows.join(_history(rows), on=key, how="left", maintain_order="left").with_columns(_score())


def _history(rows: pl.DataFrame) -> pl.DataFrame:
    """`earlier`: minutes within HISTORY before this one in which what was seen was an attack by itself."""
    guilty = rows.select("client", "minute", (pl.col("evidence_p") >= 0.5).cast(pl.Int64).alias("guilty"))
    return (
        guilty.sort("client", "minute")
        .rolling("minute", period=HISTORY, offset=-HISTORY, closed="left", group_by="client")
        .agg(pl.col("guilty").sum().alias("earlier"))
    )


def _score() -> pl.Expr:
    odds = pl.col("evidence_p") / (1.0 - pl.col("evidence_p")).clip(1e-9)
    remembered = odds * PRIOR_ODDS / (1.0 + odds * PRIOR_ODDS)
    watched = (pl.col("earlier") > 0) & (pl.col("evidence_p") > SEEN)
    return pl.when(watched).then(remembered).otherwise(pl.col("evidence_p")).clip(0.0, 1.0).alias("score")
