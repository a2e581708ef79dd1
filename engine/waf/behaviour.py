"""What a client does, told by rates and counts: probing, crawling, guessing, flooding, hiding, coming back.

Each behaviour is a bucket or a count with a name, a weight and words; what it found becomes a part of the verdict with the
requests that show it. Capacities and leaks: CrowdSec's HTTP scenarios, see buckets.py; slow and distributed forms are ours.
"""

from __future__ import annotations

import polars as pl

from engine.waf.buckets import Bucket, levels, rolling_count

_STATUS = pl.col("status")
_METHOD = pl.col("method").fill_null("")
_REFUSED = _STATUS.is_between(400, 499).fill_null(False)
_MISSING = _STATUS.is_in([400, 403, 404, 405, 410, 414, 444]).fill_null(False)
_SENDS = _METHOD.is_in(["POST", "PUT"])
FAILED_LOGIN = (
    (_SENDS & pl.col("is_login") & (_REFUSED | ((_STATUS == 200) & ~pl.col("is_api")))
     & (_STATUS != 429))
    | (_STATUS == 401) & (_SENDS | pl.col("remote_user").is_not_null())
    | (_STATUS == 403) & _SENDS
).fill_null(False)  # fmt: skip
"""An attempt to log in that was turned down, or answered with the form again (status 200 outside an API)."""

BUCKETS = (
    Bucket("probing", "probing: {count} different paths that do not exist (4xx)", _MISSING & ~pl.col("is_static") & (_METHOD != "PROPFIND"), 10, 10, 0.75, excusable=True),
    Bucket("crawling", "crawling: {count} different pages in one go", ~pl.col("is_static") & pl.col("method").is_in(["GET", "HEAD"]) & ~_REFUSED, 40, 0.5, 0.6, distinct="path", excusable=True),
    Bucket("sensitive-files", "asks for sensitive files: {count} of them", pl.col("is_sensitive"), 4, 5, 0.85),
    Bucket("traversal-probing", "path traversal, {count} tries", pl.col("is_traversal"), 3, 10, 0.9),
    Bucket("sqli-probing", "SQL injection, {count} tries", pl.col("is_sql"), 10, 1, 0.9),
    Bucket("xss-probing", "cross-site scripting, {count} tries", pl.col("is_script"), 5, 1, 0.9),
    Bucket("admin-probing", "looks for admin panels: {count} of them", pl.col("is_admin") & _MISSING, 2, 10, 0.7, excusable=True),
    Bucket("web-shells", "looks for web shells: {count} of them", pl.col("is_shell") & _MISSING, 1, 5, 0.85),
    Bucket("technology-probing", "finds out which software runs here: {count} requests", pl.col("is_info") & _MISSING, 1, 10, 0.6, excusable=True),
    Bucket("wordpress-scan", "WordPress scan: {count} of its paths, none there", pl.col("is_wordpress") & _MISSING, 3, 10, 0.75, distinct="path"),
    Bucket("wordpress-users", "lists WordPress users: {count} author ids", pl.col("is_author"), 5, 10, 0.8),
    Bucket("password-guessing", "password guessing: {count} failed logins in quick succession", FAILED_LOGIN, 5, 10, 0.85, distinct=None),
    Bucket("xmlrpc-guessing", "password guessing through xmlrpc.php: {count} calls", _SENDS & pl.col("is_xmlrpc"), 5, 120, 0.8, distinct=None),
    Bucket("locked-out", "{count} requests refused with 401", (_STATUS == 401).fill_null(False) & (pl.col("query").is_not_null() | pl.col("remote_user").is_not_null()), 10, 10, 0.65, distinct=None),
    Bucket("parameter-guessing", "tries values one after the other on one path: {count} refused", _MISSING & pl.col("query").is_not_null() & ~pl.col("is_static"), 6, 10, 0.6, per=("path",)),
    Bucket("agent-rotation", "changes its user agent: {count} different ones within seconds", pl.col("user_agent").is_not_null(), 10, 8, 0.75, distinct="user_agent"),
    Bucket("cache-bypass", "flood past the cache: {count} random queries on one path", pl.col("is_random_query") & (_METHOD != "POST"), 30, 1, 0.8, per=("path",)),
    Bucket("random-paths", "flood of random paths: {count}", pl.col("is_random_path") & ~pl.col("is_static") & _REFUSED, 30, 1, 0.75),
    Bucket("flood", "flood: {count} requests in the minute", pl.lit(True), 900, 0.1, 0.7, distinct=None),
    Bucket("garbage", "talks no HTTP: {count} broken requests", (pl.col("method").is_null() & pl.col("path").is_not_null() & (_STATUS == 400)).fill_null(False), 3, 10, 0.6),
)  # fmt: skip
SLOW_GUESSES = 12
"""Failed logins within MEMORY that no forgetful person makes; fail2ban's long-term default is 5 in 10 minutes."""
SLOW_PROBES = 25
"""Different missing paths within MEMORY."""
SHARED_GUESSES = 8
"""Clients with one user agent that fail to log in at one path within ten minutes."""

PART = pl.Struct({"kind": pl.String, "weight": pl.Float64, "words": pl.String, "requests": pl.List(pl.String)})
PARTS = pl.Schema({"client": pl.String, "minute": pl.Datetime("us", "UTC"), "excusable": pl.Boolean, "part": PART})


def found(events: pl.DataFrame) -> pl.DataFrame:
    """PARTS: every behaviour that a client showed in a minute (`events` prepared and with the payload flags)."""
    parts = [_overflows(events, bucket) for bucket in BUCKETS]
    parts += [_slow_guessing(events), _slow_probing(events), _shared_guessing(events)]
    return pl.concat(parts)


def _part(kind: str, weight: pl.Expr, words: pl.Expr) -> pl.Expr:
    return pl.struct(
        pl.lit(kind).alias("kind"), weight.cast(pl.Float64).alias("weight"), words.alias("words"), pl.col("requests")
    ).cast(PART)


def _parts(frame: pl.DataFrame, part: pl.Expr, *, excusable: bool) -> pl.DataFrame:
    return frame.select("client", "minute", pl.lit(excusable).alias("excusable"), part.alias("part")).cast(dict(PARTS))


def _overflows(events: pl.DataFrame, bucket: Bucket) -> pl.DataFrame:
    full = levels(events, bucket).filter(pl.col("level") > pl.col("capacity"))
    before, _, after = bucket.words.partition("{count}")
    words = pl.lit(before) + pl.col("count").cast(pl.String) + pl.lit(after)
    weight = 1.0 - (1.0 - bucket.weight) * (pl.col("capacity") / pl.col("level")).clip(0.2, 1.0)
    return _parts(full, _part(bucket.name, weight, words), excusable=bucket.excusable)


def _slow_guessing(events: pl.DataFrame) -> pl.DataFrame:
    many = rolling_count(events, FAILED_LOGIN, distinct=None).filter(pl.col("count") >= SLOW_GUESSES)
    words = pl.lit("slow password guessing: ") + pl.col("count").cast(pl.String) + pl.lit(" failed logins within 25 minutes")
    return _parts(many, _part("slow-guessing", pl.lit(0.8), words), excusable=False)


def _slow_probing(events: pl.DataFrame) -> pl.DataFrame:
    many = rolling_count(events, _MISSING & ~pl.col("is_static"), distinct="target").filter(pl.col("count") >= SLOW_PROBES)
    words = pl.lit("low and slow: ") + pl.col("count").cast(pl.String) + pl.lit(" different missing paths within 25 minutes")
    return _parts(many, _part("slow-probing", pl.lit(0.65), words), excusable=True)


def _shared_guessing(events: pl.DataFrame) -> pl.DataFrame:
    """Many clients, one target: failed logins at one path under one user agent from ever more addresses."""
    failed = events.filter(FAILED_LOGIN & pl.col("user_agent").is_not_null()).select("client", "minute", "path", "user_agent", "target")
    if failed.is_empty():
        return pl.DataFrame(schema=PARTS)
    tries = failed.unique(["client", "minute", "path", "user_agent"])
    reach = pl.datetime_ranges("minute", pl.col("minute") + pl.duration(minutes=9), interval="1m")
    spread = (
        tries.select("path", "user_agent", "client", reach.alias("minute")).explode("minute")
        .group_by("path", "user_agent", "minute").agg(pl.col("client").n_unique().alias("count"))
        .filter(pl.col("count") >= SHARED_GUESSES)
    )  # fmt: skip
    clients = (
        tries.join(spread, on=["path", "user_agent", "minute"])
        .group_by("client", "minute", maintain_order=True)
        .agg(pl.col("count").max(), pl.col("target").unique(maintain_order=True).head(3).alias("requests"))
    )
    words = pl.lit("one of ") + pl.col("count").cast(pl.String) + pl.lit(" clients with the same user agent that fail to log in here (distributed)")
    return _parts(clients, _part("distributed-guessing", pl.lit(0.7), words), excusable=False)
