"""Log text made to act on a terminal or on a toolkit, in every text field of every table."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from storage.schema import TABLES

RAW: tuple[str, ...] = (
    "\x1b]52;c;ZXZpbA==\x07", "\x1b]0;owned\x07", "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "\x1b[2J",
    "\x1b[31mred", "\x1b[6n", "\x1bP1;1|evil\x1b\\", "\x9b31m", "\x9d0;owned\x9c", "\x07", "\x08", "\x00", "\x0e",
    "\x7f", "\u202eabc", "\u200b", "\u2066", "\ufeff",
)  # fmt: skip
"""Each must never reach the terminal as it is."""

MARKUP: tuple[str, ...] = (
    "[ERROR] disk", "[/]", "[/nope]", "[b + ", "[@click=app.end]x[/]", "[link=http://evil.example]x", "$x", "\\[",
)  # fmt: skip
"""Each must show as it is."""

EVIL = "EVIL" + "".join(RAW) + " ".join(MARKUP)
LINE = "EVIL" + " ".join(MARKUP)


def hostile_rows(end: datetime) -> dict[str, pl.DataFrame]:
    """One row of every event table with `EVIL` in each text column, and verdicts that say it too."""
    frames = {}
    for name in ("requests", "queries", "jobs", "logs", "predictions"):
        table = TABLES[name]
        row = {c: EVIL for c, kind in table.columns.items() if kind == pl.String}
        frames[name] = table.conform(pl.DataFrame([row | {"ts": end - timedelta(seconds=1), "byte_offset": 1}]))
    frames["predictions"] = frames["predictions"].with_columns(
        pl.lit("production").alias("environment"), pl.lit("waf-behavioral").alias("model"),
        pl.lit("1.1.0").alias("version"), pl.lit(True).alias("flagged"), pl.lit(0.99).alias("score"),
        pl.lit(0.5).alias("threshold"), pl.lit(end).alias("ts"), pl.lit(end).alias("window_end"),
        pl.lit(end - timedelta(minutes=1)).alias("window_start"),
    )  # fmt: skip
    return frames
