"""What the WAF detector costs: requests a second from events to predictions, against a plain rule loop in Python.

    POLARS_MAX_THREADS=2 python bench/detect_waf.py [--requests 1000000] [--sizes 3]

The traffic is the recorded sample over and over, each time from other clients at a later hour, so strings repeat as
in a real log. The plain loop is what a person would write first: unquote each request, try fourteen regular expressions
of well-known attacks, count requests and 4xx a client and minute. Each size runs in a process of its own, so that its
peak memory is its own. Wall time tells little on a busy machine, so processor seconds (of all cores) stand beside it.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote_plus

import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SAMPLE = ROOT / "sample_data" / "recording" / "access.log"

RULES = [
    re.compile(rule)
    for rule in (
        r"union\s+(?:all\s+)?select", r"'\s*(?:or|and)\s+'?\w+'?\s*=", r"\b(?:sleep|benchmark)\s*\(", r";\s*drop table",
        r"<\s*script", r"on(?:error|load|click)\s*=", r"javascript\s*:", r"\.\./", r"/etc/passwd", r"\.(?:git|env)\b",
        r"[;|`]\s*(?:cat|ls|id|wget|curl)\b", r"\$\{jndi:", r"<!entity", r"wp-(?:login|admin)|phpmyadmin",
    )
]  # fmt: skip


def events(requests: int) -> pl.DataFrame:
    """About `requests` rows of table requests."""
    from storage.read import read_events
    from storage.schema import table

    batches = [batch["requests"] for batch in read_events([SAMPLE], "combined") if "requests" in batch]
    once = pl.concat([table("requests").conform(batch) for batch in batches])
    times = max(1, round(requests / once.height))
    return pl.concat(
        once.with_columns(
            pl.col("ts") + timedelta(minutes=20 * i), pl.col("client_ip") + f"#{i}", pl.col("byte_offset") + i * 10**9
        )
        for i in range(times)
    )


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


def detector(rows: pl.DataFrame) -> int:
    """Events to predictions; the number flagged."""
    from engine.detectors.waf_behavioral import WafBehavioral
    from engine.pipeline import Stamp, predict

    return int(predict(WafBehavioral(), rows.lazy(), Stamp("bench", None, "bench"))["flagged"].sum())


def measured(work: Callable[[pl.DataFrame], int], rows: pl.DataFrame) -> dict[str, float]:
    """Requests a second by wall and by processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    flagged = work(rows)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall_s": wall, "cpu_s": cpu, "a_second": rows.height / wall, "a_cpu_second": rows.height / cpu,
            "flagged": flagged}  # fmt: skip


def one(requests: int) -> None:
    """Measure one size in this process and print it as JSON."""
    rows = events(requests)
    few = rows.head(min(rows.height, 200_000))
    detector(rows.head(5_000))  # imports and regular expressions, paid once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours = measured(detector, rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"requests": rows.height, "ours": ours, "plain": measured(plain, few),
                      "before_mb": before / 1024, "peak_mb": peak / 1024}))  # fmt: skip


def main() -> None:
    """Measure growing sizes and print a table with ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--sizes", type=int, default=3, help="how many sizes, each a third of the next")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.requests)
        return
    print(
        f"{'requests':>11} {'a second':>10} {'a cpu s':>10} {'plain/s':>9} {'ratio':>6} {'cpu ratio':>9} {'peak MB':>8}"
    )
    for size in reversed([given.requests // 3**n for n in range(given.sizes)]):
        argv = [sys.executable, __file__, "--one", "--requests", str(size)]
        told = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        ours, base = told["ours"], told["plain"]
        ratio, cpu_ratio = ours["a_second"] / base["a_second"], ours["a_cpu_second"] / base["a_cpu_second"]
        speeds = f"{ours['a_second']:10,.0f} {ours['a_cpu_second']:10,.0f} {base['a_second']:9,.0f}"
        print(f"{told['requests']:11,} {speeds} {ratio:6.1f} {cpu_ratio:9.1f} {told['peak_mb']:8,.0f}")


if __name__ == "__main__":
    main()
