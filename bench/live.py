"""The live path: append to committed row, idle files, small commits, and a home after a month of one commit a second.

python -m bench.live                 # half a minute of each
python -m bench.live --commits 100000 --days 30
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from bench.ingest import verdict
from storage.clock import rfc3339
from storage.home import Home
from storage.lake import Lake
from storage.landing import Landing
from storage.schema import TABLES
from storage.sql import Reader
from storage.upkeep import keep_up

WRITER = """
import sys, time
folder, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
files = [open(f"{folder}/{n}.log", "ab", buffering=0) for n in range(3)]
began, sent = time.time(), 0
while (now := time.time()) < began + seconds:
    due = int((now - began) * rate) - sent
    for n, out in enumerate(files):
        stamp = "%.6f" % time.time()
        out.write(b"".join(b'{"event":"log","ts":%s,"message":"request served","logger":"shop.web"}\\n' % stamp.encode()
                           for _ in range(due // 3)))
    sent += due // 3 * 3
    time.sleep(0.02)
print(sent)
"""

IDLE = """
import resource, sys, threading, time
from pathlib import Path
from storage.home import Home
from storage.lake import Lake
from storage.landing import Landing
stop, landing = threading.Event(), Landing(Lake.open(Home(Path(sys.argv[2]))), format_name="jsonl")
follower = threading.Thread(target=landing.follow, args=([sys.argv[1]],), kwargs={"stop": stop})
follower.start()
while sum(lag.rows for lag in landing.lags()) < int(sys.argv[4]) or any(l.bytes_behind for l in landing.lags()):
    time.sleep(0.5)
time.sleep(12)
before = resource.getrusage(resource.RUSAGE_SELF)
time.sleep(float(sys.argv[3]))
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
stop.set()
follower.join()
"""


def quantile(values: list[float], share: float) -> float:
    """The value at `share` of the sorted values."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else float("nan")


def append_to_commit(seconds: float, rate: int = 20_000) -> None:
    """Time from a line's own stamp to the commit that landed it, at `rate` lines a second on three files."""
    with tempfile.TemporaryDirectory(prefix="watchroom-bench-") as folder:
        logs, home = Path(folder, "logs"), Home(Path(folder, "home"))
        logs.mkdir()
        lake = Lake.open(home)
        stop, delays = threading.Event(), list[float]()

        def committed(number: int) -> None:
            now = datetime.now(UTC)
            mine = Lake(home, lake.ledger)
            rows = mine.snapshot().of("logs", after_commit=number - 1)
            for segment in rows:
                ts = pl.scan_parquet(segment.path, glob=False).select("ts").collect()["ts"]
                delays.extend(((now - ts).dt.total_microseconds() / 1e6).to_list())

        follower = threading.Thread(
            target=Landing(lake, format_name="jsonl").follow, args=([logs],),
            kwargs={"stop": stop, "on_commit": committed},
        )  # fmt: skip
        follower.start()
        writer = subprocess.run([sys.executable, "-c", WRITER, str(logs), str(rate), str(seconds)],
                                capture_output=True, text=True, check=True)  # fmt: skip
        time.sleep(2.0)
        stop.set()
        follower.join()
        sent = int(writer.stdout)
        worst = quantile(delays, 0.99)
        print(f"append to committed row: {sent} lines on 3 files, {len(delays)} landed, p50 "
              f"{quantile(delays, 0.5):.2f} s,"
              f" p99 {worst:.2f} s, goal 1.5  {verdict(worst < 1.5 and sent == len(delays))}")  # fmt: skip
        lake.ledger.close()


def idle_files(count: int, seconds: float) -> None:
    """CPU of one core that so many silent files cost."""
    with tempfile.TemporaryDirectory(prefix="watchroom-bench-") as folder:
        logs = Path(folder, "logs")
        logs.mkdir()
        for number in range(count):
            (logs / f"{number}.log").write_text(f'{{"event":"log","ts":1772442000,"message":"m{number}"}}\n')
        script = IDLE
        done = subprocess.run([sys.executable, "-c", script, str(logs), f"{folder}/home", str(seconds), str(count)],
                              capture_output=True, text=True, check=True)  # fmt: skip
        share = 100 * float(done.stdout) / seconds
        print(f"idle: {count} files cost {share:.1f} % of a core, goal 2  {verdict(share < 2)}")


def small_commits(count: int) -> None:
    """The median time of a commit of 500 rows, at the start and at the end of many, while merging goes on beside."""
    with tempfile.TemporaryDirectory(prefix="watchroom-bench-") as folder:
        home = Home(Path(folder, "home"))
        lake = Lake.open(home)
        stop, merger = threading.Event(), Lake.open(home)
        upkeep = threading.Thread(target=_merge_until, args=(stop, merger))
        upkeep.start()
        rows = TABLES["logs"].conform(
            pl.DataFrame({"ts": [datetime(2026, 3, 2, tzinfo=UTC)] * 500, "message": [f"m{n}" for n in range(500)]})
        )
        taken_ms: list[float] = []
        for number in range(1, count + 1):
            taken_ms.append(1e3 * _timed(lambda: lake.append({"logs": rows}, kind="land")))
            if number % max(count // 10, 1) == 0:
                newest = taken_ms[-min(1000, len(taken_ms)) :]
                print(
                    f"  after {number} commits: median {statistics.median(newest):.1f} ms, p99"
                    f" {quantile(newest, 0.99):.1f} ms, ledger {home.ledger.stat().st_size / 1e6:.0f} MB",
                    flush=True,
                )
        stop.set()
        upkeep.join()
        first, last = statistics.median(taken_ms[:1000]), statistics.median(taken_ms[-1000:])
        flat = last < 10 and last < 2 * first
        print(f"small commits: {count} (500 rows each, merged beside), median {first:.1f} ms at first, {last:.1f} ms at"
              f" last, {len(lake.snapshot().segments)} live segments, goal 10  {verdict(flat)}")  # fmt: skip
        lake.ledger.close()


def _merge_until(stop: threading.Event, lake: Lake) -> None:
    """Upkeep as the daemon has it, every second instead of every minute: as many commits come in that time."""
    while not stop.wait(1.0):
        keep_up(lake)
    lake.ledger.close()


def month(days: int) -> None:
    """A home after so many days of a commit a second: opening, and a five-minute window by Polars and by SQL.

    The days before are written as merging leaves them, four segments each (a closed day becomes two), with the rows of
    their 86,400 commits in the ledger. The newest hour is real: 3,600 commits, upkeep every 60 of them.
    """
    with tempfile.TemporaryDirectory(prefix="watchroom-bench-") as folder:
        home = Home(Path(folder, "home"))
        start = datetime(2026, 3, 1, tzinfo=UTC)
        now = [start]
        lake = Lake.open(home, lambda: now[0])
        for quarter in range(4 * days):
            now[0] = start + timedelta(hours=6 * quarter)
            _merged(lake, now[0], 21_600)
        end = start + timedelta(days=days)
        for second in range(3600):
            now[0] = end + timedelta(seconds=second)
            _merged(lake, now[0], 1)
            if second % 60 == 59:
                keep_up(lake)
        live, commits = len(lake.snapshot().segments), lake.snapshot().commit_id
        lake.ledger.close()
        opened = [_timed(lambda: Lake.open(home).ledger.close()) for _ in range(5)]
        lake = Lake.open(home)
        for at in (start + timedelta(days=days // 2, hours=5), end + timedelta(minutes=50)):
            _window(lake, at)
        open_ms = statistics.median(opened) * 1e3
        size_mb = home.ledger.stat().st_size / 1e6
        print(f"a month: {days} days, {commits} commits, {live} live segments, ledger {size_mb:.0f} MB; opens in"
              f" {open_ms:.0f} ms, goal 50  {verdict(open_ms < 50)}")  # fmt: skip
        lake.ledger.close()


def _window(lake: Lake, at: datetime) -> None:
    """How long five minutes of a table take to be read, lazily and in SQL."""
    until = at + timedelta(minutes=5)
    statement = f"SELECT count(*) AS n, max(message) FROM logs WHERE ts >= '{rfc3339(at)}' AND ts < '{rfc3339(until)}'"
    reader = Reader(lake)
    ways: dict[str, Callable[[], object]] = {
        "scan": lambda: lake.scan("logs", since=at, until=until).select(pl.len(), pl.col("message").max()).collect(),
        "sql": lambda: reader.query(statement),
    }
    for name, way in ways.items():
        took_ms = statistics.median(_timed(way) for _ in range(7)) * 1e3
        good = verdict(took_ms < 50)
        print(f"five minutes of a month, from {at:%m-%d %H:%M}, by {name}: {took_ms:.0f} ms, goal 50  {good}")


def _merged(lake: Lake, at: datetime, seconds: int) -> None:
    """One segment of so many seconds with ten rows each, and the commits that it was merged from."""
    stamps = pl.datetime_range(
        at, at + timedelta(seconds=seconds - 1), "1s", time_unit="us", time_zone="UTC", eager=True
    )
    frame = pl.DataFrame({"ts": stamps}).select(pl.col("ts").repeat_by(10).explode())
    rows = TABLES["logs"].conform(frame.with_columns(pl.format("m{}", pl.int_range(pl.len())).alias("message")))
    with lake.ledger.write() as connection:
        connection.executemany(
            "INSERT INTO landing_commit (ts, kind) VALUES (?, 'land')", [(rfc3339(at),)] * (seconds - 1)
        )
    lake.append({"logs": rows}, kind="land")


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Measure everything, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--commits", type=int, default=3000)
    options.add_argument("--days", type=int, default=30)
    options.add_argument("--files", type=int, default=1000)
    options.add_argument("--only", choices=("commit", "small", "month", "idle"), help="one of the measurements")
    given = options.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    parts: dict[str, Callable[[], None]] = {
        "commit": lambda: append_to_commit(given.seconds),
        "small": lambda: small_commits(given.commits),
        "month": lambda: month(given.days),
        "idle": lambda: idle_files(given.files, given.seconds),
    }
    for name, part in parts.items():
        if given.only in (None, name):
            part()


if __name__ == "__main__":
    main()
