"""Append to the console's tail pane: a daemon lands in one process, the console runs here, others append lines.

python -m bench.tail_pane                        # 20 lines/s on one log; then 20,000 lines/s on three

The latency of a line is the time from its append until it, or a newer line of the same log, is in the pane's list and
the screen was drawn after that. It holds the wait for the next refresh: every line counts, not only the newest.
No screen holds 20,000 lines a second, and nobody reads them: there a line that was passed over counts as seen when a
newer one of its log is. At 20 lines/s each line must have been in the list itself.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from bench.ingest import verdict
from bench.live import WRITER, quantile
from console.shell import WatchroomApp
from console.widgets.grid import Grid, Row
from engine.room import Room

LINE = '{"event":"log","ts":%.6f,"message":"request served","logger":"shop.web"}\n'
WARM_S = 4.0
REST_S = 2.0
"""After the last line, until all of them must have been seen."""


class Seen:
    """When the list of a grid held how new a line of each log."""

    def __init__(self, grid: Grid) -> None:
        self.keys: set[str] = set()
        self.refreshes = 0
        self.newest: dict[str, list[tuple[float, float]]] = {}
        """By log: when the screen was drawn, and the stamp of the newest line in the list then."""
        self._grid = grid
        self._put = grid.replace_end
        grid.replace_end = self.put  # type: ignore[method-assign]  # the clock stands where the rows go in

    def put(self, count: int, rows: Sequence[Row]) -> None:
        """Let the grid have the rows, and look at the clock once they are drawn."""
        self._put(count, rows)
        fresh = [row for row in rows if row.key not in self.keys]
        self.keys |= {row.key for row in fresh}
        if fresh:
            self._grid.call_after_refresh(self.drawn, fresh)

    def drawn(self, rows: Sequence[Row]) -> None:
        """The rows are on the screen."""
        now, newest = time.time(), dict[str, float]()
        for row in rows:
            stamp, log = row.about.ts.timestamp(), row.key.split(" ")[1]  # type: ignore[attr-defined]  # a row of Live
            newest[log] = max(newest.get(log, 0.0), stamp)
        for log, stamp in newest.items():
            self.newest.setdefault(log, []).append((now, stamp))
        self.refreshes += 1

    def delays_ms(self, log: Path, since: float) -> list[float]:
        """The latency of each line of a log that was written after `since`; infinite for one never seen."""
        stamps = pl.read_ndjson(log, schema={"ts": pl.Float64})["ts"].to_numpy()
        stamps = stamps[stamps >= since]
        drawn = np.array([*self.newest.get(str(log), ()), (np.inf, np.inf)])
        seen = np.searchsorted(np.maximum.accumulate(drawn[:, 1]), stamps - 1e-6)
        found: list[float] = (1e3 * (drawn[seen, 0] - stamps)).tolist()
        return found


async def slowly(log: Path, seconds: float, rate: float) -> int:
    """Append a line now and then; returns how many."""
    sent, end = 0, time.time() + seconds
    with log.open("a", buffering=1) as out:
        while time.time() < end:
            out.write(LINE % time.time())
            sent += 1
            await asyncio.sleep(1 / rate)
    return sent


async def fast(logs: Path, seconds: float, rate: int) -> int:
    """Append to three logs from another process; returns how many lines."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(logs), str(rate), str(seconds), stdout=subprocess.PIPE
    )
    out, _ = await writer.communicate()
    return int(out)


async def measure(home: Path, logs: Path, seconds: float, rate: int) -> None:
    """Both measurements in one console."""
    app = WatchroomApp(Room.open(home, origin="console"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await asyncio.sleep(WARM_S)
        seen, since = Seen(app.pane.query_one(Grid)), time.time()
        sent = await slowly(logs / "0.log", seconds, 20)
        await asyncio.sleep(REST_S)
        told, p95 = report(seen, [logs / "0.log"], since)
        good = verdict(p95 < 100 and len(seen.keys) == sent)
        print(f"tail pane: {sent} lines at 20/s, {len(seen.keys)} of them in the list; {told}  {good}", flush=True)
        before, since = seen.refreshes, time.time()
        sent = await fast(logs, seconds, rate)
        refreshes = seen.refreshes - before
        await asyncio.sleep(REST_S)
        told, p95 = report(seen, sorted(logs.iterdir()), since)
        print(f"tail pane: {sent} lines at {rate:,}/s on 3 logs, {refreshes / seconds:.0f} refreshes/s; {told}"
              f"  {verdict(p95 < 100)}")  # fmt: skip


def report(seen: Seen, logs: Sequence[Path], since: float) -> tuple[str, float]:
    """The latencies in words, and the 95th percentile."""
    delays = [delay for log in logs for delay in seen.delays_ms(log, since)]
    p50, p95, p99 = (quantile(delays, share) for share in (0.5, 0.95, 0.99))
    return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms, goal p95 100", p95


def main() -> None:
    """Start the daemon, measure, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--rate", type=int, default=20_000, help="lines a second of the second part")
    given = options.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="watchroom-bench-") as folder:
        logs, home = Path(folder, "logs"), Path(folder, "home")
        logs.mkdir()
        for number in range(3):
            (logs / f"{number}.log").write_text(LINE % time.time())
        daemon = subprocess.Popen([sys.executable, "-m", "console", "run", str(logs), "--quiet", "--home", str(home)])
        try:
            time.sleep(WARM_S)
            asyncio.run(measure(home, logs, given.seconds, given.rate))
        finally:
            daemon.terminate()
            daemon.wait()


if __name__ == "__main__":
    main()
