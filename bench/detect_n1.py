"""What the N+1 detector costs: statements a second from events to predictions, against a plain count in Polars.

    POLARS_MAX_THREADS=2 python bench/detect_n1.py [--statements 1000000] [--sizes 3]

The plain count is what a person would type: digits to `?`, group by trace and text, count, keep five and more. Each
size runs in a process of its own, so that its peak memory is its own. Wall time tells little on a busy machine, so
processor seconds (of all cores) stand beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

A_TRACE = 25
"""Statements of one trace."""
TEMPLATES = 200


def events(statements: int, seed: int = 7) -> pl.DataFrame:
    """Traces of 25 statements from 200 templates, a fifth of them with a loop of twelve; a third of the statements have
    their values in the text, a third bound, a third compare strings and lists."""
    from storage.schema import QUERIES

    rng = np.random.default_rng(seed)
    traces = max(statements // A_TRACE, 1)
    trace, place = np.repeat(np.arange(traces), A_TRACE), np.tile(np.arange(A_TRACE), traces)
    looping = (rng.random(traces) < 0.2)[trace] & (place > 5) & (place < 18)
    kind = np.where(looping, trace % TEMPLATES // 3 * 3, rng.integers(0, TEMPLATES, len(trace)))
    start = pl.lit(datetime(2026, 3, 2, 9, tzinfo=UTC)).dt.cast_time_unit("us")
    rows = pl.LazyFrame(
        {"t": trace, "k": kind, "v": rng.integers(1, 10**6, len(trace)), "ms": rng.exponential(0.8, len(trace)),
         "us": trace.astype(np.int64) * 4_000 + place * 900 + rng.integers(0, 300, len(trace))}
    )  # fmt: skip
    texts = (
        'SELECT "t{}"."id", "t{}"."name", "t{}"."created_at" FROM "t{}" WHERE "t{}"."owner_id" = {} ORDER BY "t{}"."n"',
        'SELECT * FROM "t{}" WHERE "t{}"."id" = $1 LIMIT $2',
        'SELECT count(*) FROM "t{}" JOIN u ON u.id = "t{}".u_id WHERE "t{}"."kind" = \'x{}\' AND u.z IN (1, 2, 3)',
    )
    sql = (
        pl.when(pl.col("k") % 3 == 0).then(pl.format(texts[0], "k", "k", "k", "k", "k", "v", "k"))
        .when(pl.col("k") % 3 == 1).then(pl.format(texts[1], "k", "k"))
        .otherwise(pl.format(texts[2], "k", "k", "k", "v"))
    )  # fmt: skip
    return QUERIES.conform(
        rows.select(
            (start + pl.duration(microseconds="us")).alias("ts"), pl.lit("postgresql.log").alias("source"),
            (pl.int_range(pl.len()) * 180).alias("byte_offset"),
            pl.format("{}{}", pl.col("t").hash(1), pl.col("t").hash(2)).str.slice(0, 32).alias("trace_id"),
            sql.alias("sql"), pl.col("ms").alias("duration_ms"),
            pl.when(pl.col("k") % 3 == 1).then(pl.format('["{}", "1"]', "v")).alias("params"),
        ).collect()
    )  # fmt: skip


def plain_count(frame: pl.DataFrame) -> int:
    """Traces with five or more of one statement, digits aside."""
    folded = pl.col("sql").str.replace_all(r"\d+", "?")
    counted = frame.lazy().group_by("trace_id", folded).len().filter(pl.col("len") >= 5)
    return int(counted.select(pl.col("trace_id").n_unique()).collect(engine="streaming").item())


def detect(frame: pl.DataFrame) -> int:
    """Traces that the detector flags."""
    from engine.detectors.n1_detector import N1Detector

    detector = N1Detector()
    scored = detector.score(detector.features(frame.lazy())).collect(engine="streaming")
    return int((scored["score"] >= detector.settings.threshold).sum())


def seconds(work: Callable[[pl.DataFrame], int], frame: pl.DataFrame, times: int) -> tuple[float, float, int]:
    """The fastest of some runs by the clock and by processor time, and what it found."""
    wall, cpu, found = float("inf"), float("inf"), 0
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        found = work(frame)
        wall, cpu = min(wall, time.perf_counter() - began), min(cpu, time.process_time() - used)
    return wall, cpu, found


def measure(statements: int, times: int) -> dict[str, float]:
    """Both ways over the same events, in this process."""
    frame = events(statements)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours, ours_cpu, flagged = seconds(detect, frame, times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    plain, plain_cpu, counted = seconds(plain_count, frame, times)
    return {
        "statements": frame.height, "traces": frame["trace_id"].n_unique(), "seconds": ours, "cpu": ours_cpu,
        "plain": plain, "plain_cpu": plain_cpu, "flagged": flagged, "counted": counted,
        "extra_mb": (peak - base) / 1024.0,
    }  # fmt: skip


def main() -> None:
    """Print one line a size, then the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--statements", type=int, default=1_000_000)
    parser.add_argument("--sizes", type=int, default=3, help="how many sizes, each half of the next")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.times)))
        return
    heads = ("statements", "seconds", "cpu s", "a second", "us a trace", "memory MB", "plain s", "plain cpu")
    print(" ".join(f"{head:>10}" for head in heads))
    last: dict[str, float] = {}
    for size in (given.statements >> step for step in reversed(range(given.sizes))):
        command = [sys.executable, __file__, "--one", str(size), "--times", str(given.times)]
        last = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(
            f"{last['statements']:10,.0f} {last['seconds']:10.2f} {last['cpu']:10.2f} "
            f"{last['statements'] / last['seconds']:10,.0f} {last['seconds'] / last['traces'] * 1e6:10.1f} "
            f"{last['extra_mb']:10,.0f} {last['plain']:10.2f} {last['plain_cpu']:10.2f}"
        )
    print(
        f"ratio to a plain group-by count: {last['seconds'] / last['plain']:.2f} x its time, "
        f"{last['cpu'] / last['plain_cpu']:.2f} x its processor time"
    )


if __name__ == "__main__":
    main()
