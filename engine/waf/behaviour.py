"""What a client does, told by rates and counts: probing, crawling, flooding, hiding behind names, going slowly.

Each behaviour is a bucket or a count with a name, a weight and words; what it found becomes a part of the verdict with
the requests that show it. Capacities and leaks are those of CrowdSec's HTTP scenarios where there is one (hub commit
b03cb59, MIT); the weights follow its confidence grades, lower for what honest robots do as well.
"""

from __future__ import annotations

import polars as pl

from engine.waf.buckets import Bucket, levels, rolling_count
from engine.waf.guessing import FAILED_LOGIN
from engine.waf.parts import as_parts, part

_STATUS = pl.col("status")
_METHOD = pl.col("method").fill_null("")
_SENDS = _METHOD.is_in(["POST", "PUT"])
_REFUSED = _STATUS.is_between(400, 499).fill_null(False)
_MISSING = _STATUS.is_in([400, 403, 404, 405, 410, 414, 444]).fill_null(False)
_PAGE = ~pl.col("is_static")
_UNHEARD = ~pl.col("is_static") & ~pl.col("is_habit")
_TRIED = pl.col("query").is_not_null() | pl.col("remote_user").is_not_null()
_REPEATED_401 = (_STATUS == 401).fill_null(False) & _TRIED
_TOOL_401 = (_STATUS == 401).fill_null(False) & pl.col("is_tool")
_BROKEN = (pl.col("method").is_null() & pl.col("path").is_not_null() & (_STATUS == 400)).fill_null(False)

VARIED = 0.2
"""Payloads of at least this probability count as spellings: unsure ones, too, for that is what they are varied for."""

BUCKETS = (
    Bucket("probing", "probing: {} different paths that do not exist (4xx)",
           _MISSING & _UNHEARD & (_METHOD != "PROPFIND"), 10, 10, 0.75, distinct="kind", excusable=True),
    Bucket("enumeration", "tries one number after the other: {} that do not exist (4xx)", _MISSING & _UNHEARD, 60, 2,
           0.6, per=("kind",), excusable=True),
    Bucket("crawling", "crawling: {} different pages in one go",
           _PAGE & _METHOD.is_in(["GET", "HEAD"]) & ~_REFUSED, 40, 0.5, 0.6, distinct="path", excusable=True),
    Bucket("sensitive-files", "asks for sensitive files: {} of them", pl.col("is_sensitive"), 4, 5, 0.85),
    Bucket("traversal-probing", "path traversal, {} tries", pl.col("is_traversal"), 3, 10, 0.9),
    Bucket("sqli-probing", "SQL injection, {} tries", pl.col("is_sql"), 10, 1, 0.9),
    Bucket("xss-probing", "cross-site scripting, {} tries", pl.col("is_script"), 5, 1, 0.9),
    Bucket("polymorphic", "varies its payload: {} spellings of attacks on one page", pl.col("p") >= VARIED, 3,
           60, 0.8, per=("path",)),
    Bucket("admin-probing", "looks for admin panels: {} of them", pl.col("is_admin") & _MISSING, 2, 10, 0.7,
           excusable=True),
    Bucket("admin-path", "asks for an admin panel that is not here", pl.col("is_admin") & _MISSING & _PAGE, 0, 10,
           0.25, excusable=True),
    Bucket("odd-path", "asks for a page that only scanners look for", pl.col("is_info") & _MISSING & _PAGE, 0, 10,
           0.2, excusable=True),
    Bucket("web-shells", "looks for web shells: {} of them", pl.col("is_shell") & _MISSING, 1, 5, 0.85),
    Bucket("technology-probing", "finds out which software runs here: {} requests", pl.col("is_info") & _MISSING, 1, 10,
           0.6, excusable=True),
    Bucket("wordpress-scan", "WordPress scan: {} of its paths, none there", pl.col("is_wordpress") & _MISSING, 3, 10,
           0.75, distinct="path"),
    Bucket("wordpress-users", "lists WordPress users: {} author ids", pl.col("is_author"), 5, 10, 0.8),
    Bucket("password-guessing", "password guessing: {} failed logins in quick succession", FAILED_LOGIN, 5, 10, 0.85,
           distinct=None),
    Bucket("xmlrpc-guessing", "password guessing through xmlrpc.php: {} calls", _SENDS & pl.col("is_xmlrpc"), 5, 120,
           0.8, distinct=None),
    Bucket("locked-out", "{} requests refused with 401", _REPEATED_401, 10, 10, 0.65, distinct=None),
    Bucket("tool-locked-out", "a program that is refused again and again: {} times 401", _TOOL_401, 5, 10, 0.55,
           distinct=None, per=("path",)),
    Bucket("parameter-guessing", "tries values one after the other on one path: {} refused",
           _MISSING & _UNHEARD & pl.col("query").is_not_null(), 6, 10, 0.6, per=("path",)),
    Bucket("agent-rotation", "changes its user agent: {} different ones within seconds",
           pl.col("user_agent").is_not_null(), 10, 8, 0.75, distinct="user_agent"),
    Bucket("cache-bypass", "flood past the cache: {} random queries on one path",
           pl.col("is_random_query") & (_METHOD != "POST"), 30, 1, 0.8, per=("path",)),
    Bucket("random-paths", "flood of random paths: {}", pl.col("is_random_path") & _PAGE & _REFUSED, 30, 1, 0.75),
    Bucket("flood", "flood: {} requests in the minute", pl.lit(True), 900, 0.1, 0.7, distinct=None),
    Bucket("garbage", "talks no HTTP: {} broken requests", _BROKEN, 3, 10, 0.6),
)  # fmt: skip
SLOW_PROBES = 25
"""Different missing paths within MEMORY that no visitor comes upon."""


def found(events: pl.DataFrame) -> pl.DataFrame:
    """PARTS: every behaviour that a client showed in a minute (`events` prepared and with the payload flags)."""
    return pl.concat([*(_overflows(events, bucket) for bucket in BUCKETS), _slow_probing(events)])


def _overflows(events: pl.DataFrame, bucket: Bucket) -> pl.DataFrame:
    full = levels(events, bucket).filter(pl.col("level") > pl.col("capacity"))
    fullness = pl.col("level") / max(bucket.capacity, 1.0) if bucket.capacity else pl.lit(1.0)
    weight = 1.0 - (1.0 - bucket.weight) / fullness.clip(1.0, 5.0)
    words = pl.format(bucket.words, "count") if "{}" in bucket.words else pl.lit(bucket.words)
    return as_parts(full, part(bucket.name, weight, words), excusable=bucket.excusable)


def _slow_probing(events: pl.DataFrame) -> pl.DataFrame:
    many = rolling_count(events, _MISSING & _UNHEARD, distinct="kind").filter(pl.col("count") >= SLOW_PROBES)
    words = pl.format("low and slow: {} different missing paths within 25 minutes", "count")
    return as_parts(many, part("slow-probing", pl.lit(0.65), words), excusable=True)
