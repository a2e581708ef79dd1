"""Makes the logs that the benchmarks read: seeded, with the skew of real ones (few clients make most lines)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_CHUNK = 200_000
_AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "python-requests/2.32.3",
    "curl/8.11.1",
]  # fmt: skip


def access_log(path: Path, size_bytes: int, seed: int = 1) -> None:
    """A combined access log of about `size_bytes`, 200 lines a second, Zipf-distributed clients, paths and agents."""
    rng = np.random.default_rng(seed)
    at = START
    with path.open("wb") as out:
        while out.tell() < size_bytes:
            out.write(_lines(_access_rows(rng, at)))
            at += timedelta(seconds=_CHUNK / 200)


def postgresql_log(path: Path, size_bytes: int, seed: int = 2) -> None:
    """A PostgreSQL stderr log with prefix `%m [%p] %u@%d `: durations, one in five statements over several lines."""
    rng = np.random.default_rng(seed)
    at = START
    with path.open("wb") as out:
        while out.tell() < size_bytes:
            out.write(_lines(_statement_rows(rng, at)))
            at += timedelta(seconds=_CHUNK / 500)


def json_log(path: Path, size_bytes: int, seed: int = 3) -> None:
    """JSON lines of requests, queries, jobs and log records, as docs/formats.md defines them."""
    rng = np.random.default_rng(seed)
    at = START
    with path.open("wb") as out:
        while out.tell() < size_bytes:
            out.write(_lines(_event_rows(rng, at)))
            at += timedelta(seconds=_CHUNK / 500)


def _lines(lines: pl.Series) -> bytes:
    return ("\n".join(lines.to_list()) + "\n").encode()


def _zipf(rng: np.random.Generator, kinds: int, exponent: float = 1.3) -> pl.Series:
    return pl.Series(np.minimum(rng.zipf(exponent, _CHUNK), kinds), dtype=pl.Int64)


def _times(rng: np.random.Generator, at: datetime, per_second: int) -> pl.Series:
    steps = np.cumsum(rng.exponential(1e6 / per_second, _CHUNK)).astype(np.int64)
    return pl.Series(steps).cast(pl.Duration("us")) + pl.Series([at], dtype=pl.Datetime("us"))


def _access_rows(rng: np.random.Generator, at: datetime) -> pl.Series:
    frame = pl.DataFrame(
        {"t": _times(rng, at, 200), "c": _zipf(rng, 60_000, 1.2), "p": _zipf(rng, 40_000), "a": _zipf(rng, 6, 2.0),
         "b": rng.lognormal(8.5, 1.4, _CHUNK).astype(np.int64), "s": rng.random(_CHUNK), "q": rng.random(_CHUNK)}
    )  # fmt: skip
    c, agents = pl.col("c"), pl.Series("agent", _AGENTS)
    v4 = pl.format("{}.{}.{}.{}", 11 + c % 180, c * 7 % 256, c * 13 % 256, c % 254 + 1)
    v6 = pl.format("2001:db8:{}::{}", c % 9000 + 1000, c % 97 + 1)
    client = pl.when(c % 25 == 0).then(v6).otherwise(v4)
    path = (
        pl.when(pl.col("q") < 0.01).then(pl.format("/search?q=%27%20OR%201=1--%20{}", "p"))
        .when(pl.col("q") < 0.3).then(pl.format("/api/v2/products/{}?page={}&sort=price", "p", pl.col("p") % 9))
        .otherwise(pl.format("/static/assets/{}/bundle-{}.js", pl.col("p") % 300, "p"))
    )  # fmt: skip
    status = (
        pl.when(pl.col("s") < 0.86).then(200).when(pl.col("s") < 0.93).then(304).when(pl.col("s") < 0.985).then(404)
        .otherwise(500)
    )  # fmt: skip
    referer = pl.when(pl.col("q") < 0.5).then(pl.lit("https://shop.example/products")).otherwise(pl.lit("-"))
    line = pl.format(
        '{} - - [{}] "{} {} HTTP/1.1" {} {} "{}" "{}"', client, pl.col("t").dt.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        pl.when(pl.col("s") < 0.95).then(pl.lit("GET")).otherwise(pl.lit("POST")), path, status, pl.col("b"), referer,
        pl.col("a").map_elements(lambda a: agents[a - 1], return_dtype=pl.String),
    )  # fmt: skip
    return frame.select(line.alias("line"))["line"]


def _statement_rows(rng: np.random.Generator, at: datetime) -> pl.Series:
    frame = pl.DataFrame(
        {"t": _times(rng, at, 500), "p": _zipf(rng, 400, 1.1), "k": _zipf(rng, 200),
         "v": rng.integers(1, 10**6, _CHUNK), "d": rng.lognormal(0.0, 1.5, _CHUNK), "m": rng.random(_CHUNK)}
    )  # fmt: skip
    plain = pl.format("SELECT id, name, price FROM t_{} WHERE id = {} LIMIT 1", "k", "v")
    long = pl.format(
        "SELECT o.id, o.total, u.email\n\t  FROM orders_{} o\n\t  JOIN users u ON u.id = o.user_id\n\t"
        " WHERE o.user_id = {}\n\t   AND o.state IN ('paid', 'sent')\n\t ORDER BY o.id DESC", "k", "v",
    )  # fmt: skip
    sql = pl.when(pl.col("m") < 0.19).then(long).otherwise(plain)
    line = pl.format(
        "{} UTC [{}] app@shop LOG:  duration: {} ms  statement: {}", pl.col("t").dt.strftime("%Y-%m-%d %H:%M:%S%.3f"),
        pl.col("p") + 20_000, pl.col("d").round(3), sql,
    )  # fmt: skip
    return frame.select(line.alias("line"))["line"]


def _event_rows(rng: np.random.Generator, at: datetime) -> pl.Series:
    frame = pl.DataFrame(
        {"t": _times(rng, at, 500), "k": _zipf(rng, 200), "v": rng.integers(1, 10**6, _CHUNK),
         "d": rng.lognormal(3.0, 1.0, _CHUNK), "m": rng.random(_CHUNK)}
    ).with_columns(pl.col("t").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"), pl.col("d").round(3))  # fmt: skip
    job = _template(
        ['{"event":"job","ts":"', '","job_id":"j-', '","job_type":"type_', '","queue":"default","worker":"w-',
         '","status":"done","execution_ms":', ',"wait_ms":', ',"memory_mb":', ',"retry_count":', ',"payload_kb":1.5}'],
        [pl.col("t"), pl.col("v"), pl.col("k"), pl.col("v") % 8, pl.col("d"), (pl.col("d") / 3).round(3),
         50 + pl.col("v") % 300, pl.col("v") % 3],
    )  # fmt: skip
    log = _template(
        ['{"event":"log","ts":"', '","level":"info","logger":"shop.', '","message":"order ', ' was paid after ',
         ' ms","trace_id":"', '","context":{"user":', ',"plan":"basic"}}'],
        [pl.col("t"), pl.col("k"), pl.col("v"), pl.col("d"), pl.col("v") * 7919, pl.col("v") % 5000],
    )  # fmt: skip
    request = _template(
        ['{"event":"request","ts":"', '","client_ip":"10.1.', '.7","method":"GET","path":"/products/',
         '","status":200,"bytes_sent":', ',"duration_ms":', ',"user_agent":"curl/8.11.1","trace_id":"', '"}'],
        [pl.col("t"), pl.col("k"), pl.col("v") % 900, pl.col("v"), pl.col("d"), pl.col("v") * 7919],
    )  # fmt: skip
    line = pl.when(pl.col("m") < 0.3).then(job).when(pl.col("m") < 0.6).then(log).otherwise(request)
    return frame.select(line.alias("line"))["line"]


def _template(texts: list[str], values: list[pl.Expr]) -> pl.Expr:
    """Texts and values in turn, as one string; JSON's own braces rule out `pl.format`."""
    parts: list[pl.Expr] = [pl.lit(texts[0])]
    for text, value in zip(texts[1:], values, strict=True):
        parts += [value.cast(pl.String), pl.lit(text)]
    return pl.concat_str(parts)
