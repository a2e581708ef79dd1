"""Requests for bench/detect.py, and what a person would write first: a loop of fourteen rules and two counters.

The traffic is the recorded sample over and over, each time from other clients at a later time, so strings repeat as in
a real log: 220 requests a second.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote_plus

import polars as pl

PLAIN = "a loop of fourteen rules"
ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "sample_data" / "recording" / "access.log"
A_SECOND = 220
PART = 250_000
"""Requests a part; parts follow each other in time."""

RULES = [
    re.compile(rule)
    for rule in (
        r"union\s+(?:all\s+)?select", r"'\s*(?:or|and)\s+'?\w+'?\s*=", r"\b(?:sleep|benchmark)\s*\(", r";\s*drop table",
        r"<\s*script", r"on(?:error|load|click)\s*=", r"javascript\s*:", r"\.\./", r"/etc/passwd", r"\.(?:git|env)\b",
        r"[;|`]\s*(?:cat|ls|id|wget|curl)\b", r"\$\{jndi:", r"<!entity", r"wp-(?:login|admin)|phpmyadmin",
    )
]  # fmt: skip


@functools.cache
def recorded() -> pl.DataFrame:
    """The recorded sample as table requests."""
    from storage.read import read_events
    from storage.schema import table

    batches = [batch["requests"] for batch in read_events([SAMPLE], "combined") if "requests" in batch]
    return pl.concat([table("requests").conform(batch) for batch in batches])


def events(part: int, rows: int) -> pl.DataFrame:
    """`rows` requests of the part: copies of the recording that begin every 22 seconds."""
    once = recorded()
    first = part * PART // once.height + part
    copies = [
        once.with_columns(
            pl.col("ts") + timedelta(seconds=once.height / A_SECOND * i),
            pl.col("client_ip") + f"#{i}",
            pl.col("byte_offset") + i * 10**9,
        )
        for i in range(first, first + -(-rows // once.height))
    ]
    return pl.concat(copies).head(rows).sort("ts")


def plain(rows: pl.DataFrame) -> int:
    """The rule loop; the number of clients' minutes that it flags."""
    seen: Counter[tuple[str, str]] = Counter()
    bad: Counter[tuple[str, str]] = Counter()
    flagged = set()
    columns = rows.select("ts", "client_ip", "path", "query", "status", "user_agent").iter_rows()
    for ts, client, path, query, status, agent in columns:
        key = (client, ts.strftime("%Y-%m-%dT%H:%M"))
        text = unquote_plus(unquote_plus(f"{path or ''}?{query or ''}")).lower()
        seen[key] += 1
        bad[key] += status is not None and 400 <= status < 500
        if any(rule.search(text) for rule in RULES) or "sqlmap" in (agent or "").lower() or bad[key] > 10:
            flagged.add(key)
    return len(flagged)


def subjects(frame: pl.DataFrame) -> int:
    """How many clients' minutes there are."""
    return frame.select(pl.struct("client_ip", pl.col("ts").dt.truncate("1m")).n_unique()).item()
