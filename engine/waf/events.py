"""Requests as the detector takes them: without repeats, in order, with the client's minute."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

UNKNOWN_CLIENT = "unknown client"
"""Subject of requests whose log names no client; only their payloads are judged."""
LOOKBACK = timedelta(minutes=60)
MEMORY = timedelta(minutes=25)
"""How far a bucket or a slow count looks back from one request."""
REPEAT = timedelta(minutes=10)
"""The same value counts as new again after so long."""
HISTORY = timedelta(minutes=25)
"""How long a client that attacked is remembered. MEMORY + REPEAT + HISTORY are LOOKBACK: nothing older can matter."""
COLUMNS = (
    "ts", "source", "byte_offset", "host", "client_ip", "method", "path", "query", "status", "bytes_sent", "duration_ms",
    "referer", "user_agent", "remote_user", "headers", "body",
)  # fmt: skip
_STATIC = r"(?i)\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|bmp|woff2?|ttf|eot|otf|mp4|webm|mp3|ogg|wav|m4s|ts|m3u8|vtt|pdf|wasm|webmanifest)$"
_POLITE = (
    r"(?i)^/(?:robots\.txt|favicon\.\w+|apple-touch-icon[\w.-]*|browserconfig\.xml|sitemap[\w.-]*|ads\.txt|app-ads\.txt|humans\.txt|"
    r"security\.txt|manifest\.json|site\.webmanifest|\.well-known/(?:security\.txt|acme-challenge/[\w-]+|change-password|assetlinks\.json|"
    r"apple-app-site-association|traffic-advice|nodeinfo|webfinger|openid-configuration|gpc\.json|passkey-endpoints|appspecific/[\w.]+|"
    r"dnt-policy\.txt|resource-that-should-not-exist-whose-status-code-should-not-be-200/?))$"
)


def prepared(requests: pl.LazyFrame) -> pl.DataFrame:
    """One row a request, sorted by client and time; adds `n` (row number), `client`, `minute`, `target` and `is_static`.

    Rows without a time are left out. A request twice in `requests` (same source, offset and content) counts once.
    """
    frame = requests.select(COLUMNS).filter(pl.col("ts").is_not_null()).collect()
    frame = frame.unique(["source", "byte_offset", "ts", "client_ip", "method", "path", "query"], keep="any")
    path = pl.col("path").fill_null("")
    return (
        frame.with_columns(
            pl.col("client_ip").fill_null(UNKNOWN_CLIENT).alias("client"),
            pl.col("ts").dt.truncate("1m").alias("minute"),
            (path + pl.when(pl.col("query").is_not_null()).then("?" + pl.col("query")).otherwise(pl.lit(""))).alias("target"),
            (path.str.contains(_STATIC) | path.str.contains(_POLITE)).alias("is_static"),
        )
        .sort("client", "ts", "source", "byte_offset", "target", maintain_order=False)
        .with_row_index("n")
    )  # fmt: skip
