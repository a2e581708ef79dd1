"""Requests as the detector takes them: without repeats, in order, with the client's minute."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from engine.waf.marks import marked

UNKNOWN_CLIENT = "unknown client"
"""Subject of requests whose log names no client; only their payloads are judged."""
LOOKBACK = timedelta(minutes=60)
MEMORY = timedelta(minutes=25)
"""How far a bucket or a slow count looks back from one request."""
REPEAT = timedelta(minutes=10)
"""The same value counts as new again after so long."""
HISTORY = timedelta(minutes=15)
"""How long a client that attacked is remembered. With MEMORY, REPEAT and the ten minutes in which a site's habits show
it makes LOOKBACK: nothing older can matter."""
COLUMNS = (
    "ts", "source", "byte_offset", "client_ip", "method", "path", "query", "status", "referer", "user_agent",
    "remote_user", "headers", "body",
)  # fmt: skip


def prepared(requests: pl.LazyFrame) -> pl.DataFrame:
    """One row a request, sorted by client and time; adds `n` (row number), `client`, `minute`, `target` and marks.

    Rows without a time are left out. A request twice in `requests` (same source, offset and content) counts once.
    """
    frame = requests.select(COLUMNS).filter(pl.col("ts").is_not_null()).collect()
    frame = frame.unique(["source", "byte_offset", "ts", "client_ip", "method", "path", "query"], keep="any")
    path = pl.col("path").fill_null("")
    return marked(
        frame.with_columns(
            pl.col("client_ip").fill_null(UNKNOWN_CLIENT).alias("client"),
            pl.col("ts").dt.truncate("1m").alias("minute"),
            (path + ("?" + pl.col("query")).fill_null("")).alias("target"),
        )
        .sort("client", "ts", "source", "byte_offset", "target", maintain_order=False)
        .with_row_index("n")
    )  # fmt: skip
