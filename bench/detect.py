"""What the detectors cost from events to predictions: processor time, peak memory, growth, beside a plain way.

    POLARS_MAX_THREADS=2 python bench/detect.py                 250,000 to 1,000,000 events of each table, a minute
    POLARS_MAX_THREADS=2 python bench/detect.py --full          1, 3 and 10 million
    POLARS_MAX_THREADS=2 python bench/detect.py --model n1-detector --events 1000000

The events are Parquet files in order of time, as the lake has them, and a log ten times as large is ten times as long:
1,000 statements, 220 requests a second, 100,000 jobs a day. They are judged as the pipeline does it, slice by slice;
the verdicts are counted and dropped. Each size runs in a process of its own, so that its peak memory is its own. The
plain way, what a person would type (bench/detect_*.py), sees the first million in memory; beside it stands the detector
over the same frame, so that the ratio compares like with like. Wall time tells little on a busy machine, so processor
seconds (of all cores) stand beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

CASES = {"n1-detector": "detect_n1", "waf-behavioral": "detect_waf", "queue-anomaly": "detect_queue"}
"""The module with a model's events (`events(part, rows)`) and its plain way (`plain(frame)`, `PLAIN`)."""
PART = 250_000
"""Events a file."""
COMPARED = 1_000_000


def write(model: str, events: int, folder: Path) -> list[Path]:
    """Files of PART events each, in order of time."""
    case = import_module(f"bench.{CASES[model]}")
    paths = []
    for part in range(-(-events // PART)):
        paths.append(folder / f"{part:04d}.parquet")
        case.events(part, min(PART, events - part * PART)).write_parquet(paths[-1], compression="lz4")
    return paths


def source(paths: list[Path]) -> Callable[[datetime | None, datetime | None], pl.LazyFrame]:
    """The events of the files by time, as `Lake.scan` gives them."""
    whole = pl.scan_parquet(paths)

    def between(since: datetime | None, until: datetime | None) -> pl.LazyFrame:
        frame = whole if since is None else whole.filter(pl.col("ts") >= since)
        return frame if until is None else frame.filter(pl.col("ts") < until)

    return between


def timed(work: Callable[[], int]) -> dict[str, float]:
    """Wall and processor seconds of `work`, and the number it gives."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "found": found}


def streamed(model: str, paths: list[Path]) -> Iterator[int]:
    """Flagged verdicts of each slice."""
    from engine.detector import load
    from engine.pipeline import Stamp, predictions

    for told in predictions(load(model)(), source(paths), Stamp("bench", None, "bench")):
        flagged = int(told["flagged"].sum())
        del told  # as the pipeline does once they are committed
        yield flagged


def at_once(model: str, frame: pl.DataFrame) -> int:
    """Flagged verdicts on a frame in memory: features and score alone."""
    from engine.detector import load

    detector = load(model)()
    scored = detector.score(detector.features(frame.lazy())).collect(engine="streaming")
    return int((scored["score"] >= detector.settings.threshold).sum())


def one(model: str, folder: Path, compare: bool) -> None:
    """Measure in this process and print JSON."""
    paths = sorted(folder.glob("*.parquet"))
    at_once(model, pl.read_parquet(paths[0]).head(5_000))  # imports and regular expressions, paid once
    if not compare:
        told = timed(lambda: sum(streamed(model, paths)))
        told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(told))
        return
    case = import_module(f"bench.{CASES[model]}")
    frame = pl.read_parquet(paths[: COMPARED // PART])
    ours = min((timed(lambda: at_once(model, frame)) for _ in range(3)), key=lambda told: told["wall_s"])
    plain = timed(lambda: case.plain(frame))
    print(json.dumps({"rows": frame.height, "traces": case.subjects(frame), "ours": ours, "plain": plain}))


def child(*arguments: str) -> dict[str, Any]:
    """What another process of this script measured."""
    command = [sys.executable, __file__, *arguments]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    return told


def bench(model: str, sizes: list[int]) -> None:
    """One line a size, the growth from the first to the last, and the ratio to the plain way."""
    heads = ("events", "wall s", "cpu s", "us cpu each", "a second", "peak MB", "flagged")
    print(f"\n{model}\n" + " ".join(f"{head:>12}" for head in heads))
    costs = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            write(model, size, Path(folder))
            told = child("--one", model, folder)
            costs.append((told["cpu_s"] / size * 1e6, told["peak_mb"]))
            speed = f"{costs[-1][0]:12.2f} {size / told['wall_s']:12,.0f}"
            print(f"{size:12,} {told['wall_s']:12.1f} {told['cpu_s']:12.1f} {speed} {told['peak_mb']:12,.0f} "
                  f"{told['found']:12,}", flush=True)  # fmt: skip
            if size == sizes[-1]:
                against(model, child("--compare", model, folder))
    (first, small), (last, large) = costs[0], costs[-1]
    print(f"growth over {sizes[-1] / sizes[0]:.0f} times the events: {last / first:.2f} x the cost of an event, "
          f"{large / small:.2f} x the memory")  # fmt: skip


def against(model: str, told: dict[str, Any]) -> None:
    """The detector and the plain way over the same events in memory."""
    case, rows = import_module(f"bench.{CASES[model]}"), told["rows"]
    for name, each in (("detector", told["ours"]), (case.PLAIN, told["plain"])):
        print(f"  {rows:,} in memory, {name}: {rows / each['wall_s']:,.0f} a second, "
              f"{each['cpu_s'] / rows * 1e6:.2f} us of processor time each")  # fmt: skip
    print(f"  {told['ours']['wall_s'] / told['traces'] * 1e6:.0f} us a subject; ratio to {case.PLAIN}: "
          f"{told['ours']['cpu_s'] / told['plain']['cpu_s']:.2f} x its processor time")  # fmt: skip


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=list(CASES), action="append")
    parser.add_argument("--events", type=int, default=1_000_000, help="the largest size; two smaller ones besides")
    parser.add_argument("--full", action="store_true", help="1, 3 and 10 million")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--compare", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one or given.compare:
        model, folder = given.one or given.compare
        one(model, Path(folder), bool(given.compare))
        return
    sizes = [1_000_000, 3_000_000, 10_000_000] if given.full else [given.events // 4, given.events // 2, given.events]
    for model in given.model or CASES:
        bench(model, sizes)


if __name__ == "__main__":
    main()
