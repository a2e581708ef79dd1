"""Append to the console's tail pane: a daemon lands in one process, the console runs here, lines are appended.

python -m bench.tail_pane                        # 20 lines/s, each line measured; then 20,000 lines/s on three files

At 20 lines/s it is the time from the append of each line to the end of the refresh that drew it. At 20,000 nobody reads
each line: there it is the age of the newest line on the screen at every refresh that brought one.
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

from bench.ingest import verdict
from bench.live import WRITER, quantile
from console.shell import WatchroomApp
from console.widgets.grid import Grid, Row
from engine.room import Room

LINE = '{"event":"log","ts":%.6f,"message":"request served","logger":"shop.web"}\n'
WARM_S = 4.0


class Seen:
    """When rows were on the screen, after the event time that they carry."""

    def __init__(self, grid: Grid) -> None:
        self.delays_s: list[float] = []
        self.newest_s: list[float] = []
        self._keys: set[str] = set()
        self._grid = grid
        self._put = grid.replace_end
        grid.replace_end = self.put  # type: ignore[method-assign]  # the clock stands where the rows go in

    def put(self, count: int, rows: Sequence[Row]) -> None:
        """Let the grid have the rows, and look at the clock once they are drawn."""
        self._put(count, rows)
        fresh = [row for row in rows if row.key not in self._keys]
        self._keys |= {row.key for row in fresh}
        if fresh:
            self._grid.call_after_refresh(self.drawn, fresh)

    def drawn(self, rows: Sequence[Row]) -> None:
        """The rows are on the screen."""
        now = time.time()
        delays = [now - row.about.ts.timestamp() for row in rows]  # type: ignore[attr-defined]  # a row of Live
        self.delays_s += delays
        self.newest_s.append(min(delays))

    def restart(self) -> None:
        """Forget what was measured."""
        self.delays_s, self.newest_s = [], []


async def slowly(log: Path, seconds: float, rate: float) -> int:
    """Append a line now and then; returns how many."""
    sent, end = 0, time.time() + seconds
    with log.open("a", buffering=1) as out:
        while time.time() < end:
            out.write(LINE % time.time())
            sent += 1
            await asyncio.sleep(1 / rate)
    return sent


async def measure(home: Path, logs: Path, seconds: float) -> None:
    """Both measurements in one console."""
    app = WatchroomApp(Room.open(home, origin="console"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await asyncio.sleep(WARM_S)
        seen = Seen(app.pane.query_one(Grid))
        sent = await slowly(logs / "0.log", seconds, 20)
        await asyncio.sleep(2.0)
        p50, p95 = (1e3 * quantile(seen.delays_s, q) for q in (0.5, 0.95))
        good = verdict(p95 < 100 and len(seen.delays_s) == sent)
        print(f"tail pane: {sent} lines at 20/s, {len(seen.delays_s)} seen once, p50 {p50:.0f} ms, p95 {p95:.0f} ms,"
              f" goal 100  {good}")  # fmt: skip
        seen.restart()
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(logs), "20000", str(seconds), stdout=subprocess.PIPE
        )
        out, _ = await writer.communicate()
        p50, p95 = (1e3 * quantile(seen.newest_s, q) for q in (0.5, 0.95))
        print(f"tail pane: {int(out)} lines at 20,000/s on 3 files, {len(seen.newest_s)} refreshes, the newest line is"
              f" p50 {p50:.0f} ms, p95 {p95:.0f} ms old, goal 100  {verdict(p95 < 100)}")  # fmt: skip


def main() -> None:
    """Start the daemon, measure, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=10)
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
            asyncio.run(measure(home, logs, given.seconds))
        finally:
            daemon.terminate()
            daemon.wait()


if __name__ == "__main__":
    main()
