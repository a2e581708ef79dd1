"""Landing against the bare parse of the same file, and against the peers: from bytes to committed, synced segments.

    python -m bench.ingest            # a fifth of the sizes, three runs each
    python -m bench.ingest --full     # 500 MB access log, 300 MB PostgreSQL log, 300 MB JSON lines; needs 3 GB of disk
    python -m bench.ingest --huge     # memory on a 4 GB access log as well

Each run is a process of its own; figures are medians. The bare parse is the fastest way known to turn the file into
a Parquet file with Polars or DuckDB alone: no offsets, no repair, no rejects, no commits, no sync.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import logs

GOAL_OF_BARE = 0.60
GOAL_RSS_MB = 700
BARE = {
    "access": """
pl.scan_lines(path, name="l").select(pl.col("l").str.split_exact('"', 6).struct.unnest()).select(
    pl.col("field_0").str.splitn(" ", 4).struct.unnest().name.prefix("h_"),
    pl.col("field_1").str.splitn(" ", 3).struct.unnest().name.prefix("r_"),
    pl.col("field_2").str.strip_chars(" ").str.splitn(" ", 2).struct.unnest().name.prefix("s_"),
    pl.col("field_3").alias("referer"), pl.col("field_5").alias("agent"),
).with_columns(
    pl.col("h_field_3").str.slice(1, 20).str.to_datetime("%d/%b/%Y:%H:%M:%S", strict=False, cache=True),
    pl.col("s_field_0").cast(pl.UInt16, strict=False), pl.col("s_field_1").cast(pl.Int64, strict=False),
).sink_parquet(out, compression="zstd", compression_level=1)
""",
    "postgresql": """
import numpy as np, pyarrow as pa
handle, number, rest = open(path, "rb"), 0, b""
while data := handle.read(16 << 20):
    data = rest + data
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(bytes_ == 10)
    ends = ends[ends + 1 < len(bytes_)]
    ends = ends[bytes_[ends + 1] != 9] + 1
    edges = np.concatenate([[0], ends]).astype(np.int64)
    array = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(edges), pa.py_buffer(data))
    rest = data[int(ends[-1]):]
    records = pl.DataFrame({"l": pl.Series(pl.from_arrow(array))})
    parts = records.select(pl.col("l").str.splitn(" ", 5).struct.unnest()).with_columns(
        pl.concat_str("field_0", pl.lit(" "), "field_1").str.to_datetime("%Y-%m-%d %H:%M:%S%.3f", strict=False),
        pl.col("field_4").str.splitn("  ", 3).struct.unnest().name.prefix("m_"),
    ).with_columns(pl.col("m_field_1").str.extract("([0-9.]+) ms").cast(pl.Float64, strict=False).alias("ms"))
    parts.write_parquet(f"{out}.{number}", compression="zstd", compression_level=1)
    number += 1
""",
    "jsonl": """
import duckdb
columns = {"event": "VARCHAR", "ts": "TIMESTAMP", "job_id": "VARCHAR", "job_type": "VARCHAR", "queue": "VARCHAR",
    "worker": "VARCHAR", "status": "VARCHAR", "execution_ms": "DOUBLE", "wait_ms": "DOUBLE", "memory_mb": "DOUBLE",
    "retry_count": "INTEGER", "payload_kb": "DOUBLE", "level": "VARCHAR", "logger": "VARCHAR", "message": "VARCHAR",
    "trace_id": "VARCHAR", "context": "JSON", "client_ip": "VARCHAR", "method": "VARCHAR", "path": "VARCHAR",
    "bytes_sent": "BIGINT", "duration_ms": "DOUBLE", "user_agent": "VARCHAR"}
db = duckdb.connect(config={"threads": 2})
db.execute("COPY (SELECT * FROM read_ndjson(?, columns=" + str(columns) + ", ignore_errors=true)) TO '" + out
    + "' (FORMAT parquet, COMPRESSION zstd)", [path])
""",
}
OURS = """
from pathlib import Path
from storage.home import Home
from storage.lake import Lake
from storage.landing import Landing
lake = Lake.open(Home(Path(out)))
rows = sum(Landing(lake).ingest([path]).rows.values())
"""
FRAME = """
import json, resource, sys, time
path, out = sys.argv[1:3]
import polars as pl
start = time.perf_counter()
rows = 0
{code}
wall_s = time.perf_counter() - start
use = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps(dict(wall_s=wall_s, cpu_s=use.ru_utime + use.ru_stime, rss_mb=use.ru_maxrss / 1024, rows=rows)))
"""
LNAV_QUERY = ";SELECT c_ip, count(*) AS n FROM access_log GROUP BY c_ip ORDER BY n DESC LIMIT 9"
PEERS: dict[str, list[tuple[str, float, Callable[[Path], list[str]]]]] = {
    "access": [
        ("lnav", 4.0, lambda p: ["lnav", "-n", "-c", LNAV_QUERY, str(p)]),
        ("goaccess", 20.0, lambda p: ["goaccess", str(p), "--log-format=COMBINED", "-o", "report.json"]),
    ],
    "postgresql": [
        ("pgbadger", 40.0,
         lambda p: ["pgbadger", "-q", "-j", "2", "-p", "%m [%p] %u@%d ", "-o", "-", "-x", "json", str(p)])
    ],
}  # fmt: skip


def environment() -> dict[str, str]:
    """This environment, with this tree's modules, and with their bytecode kept as an installed package has it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(Path.cwd())}


def measured(code: str, path: Path, runs: int) -> dict[str, float]:
    """The medians of several runs, each a process of its own."""
    found = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="watchroom-bench-", dir=path.parent) as folder:
            done = subprocess.run(
                [sys.executable, "-c", FRAME.format(code=code), str(path), f"{folder}/out"],
                capture_output=True, text=True, check=True, env=environment(),
            )  # fmt: skip
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return {key: statistics.median(run[key] for run in found) for key in found[0]}


def peer(command: list[str], path: Path) -> tuple[float, float]:
    """Wall and CPU seconds that a peer takes for the same file, once."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory(prefix="watchroom-bench-", dir=path.parent) as folder:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       cwd=folder, check=False)  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu_s


def compare(name: str, path: Path, runs: int) -> None:
    """One log: ours, the bare parse, the peers."""
    size_mb = path.stat().st_size / 1e6
    ours, bare = measured(OURS, path, runs), measured(BARE[name], path, runs)
    ratio, of_cpu = bare["wall_s"] / ours["wall_s"], bare["cpu_s"] / ours["cpu_s"]
    print(f"{name}: {size_mb:.0f} MB, {ours['rows']:.0f} rows")
    print(f"  landing     {size_mb / ours['wall_s']:7.0f} MB/s  {ours['cpu_s']:6.2f} CPU s  {ours['rss_mb']:5.0f} MB"
          f" peak  {verdict(ours['rss_mb'] <= GOAL_RSS_MB)}")  # fmt: skip
    print(
        f"  bare parse  {size_mb / bare['wall_s']:7.0f} MB/s  {bare['cpu_s']:6.2f} CPU s  {bare['rss_mb']:5.0f} MB peak"
    )
    print(f"  ratio       {ratio:7.2f} (by CPU {of_cpu:.2f}), goal {GOAL_OF_BARE}  {verdict(ratio >= GOAL_OF_BARE)}")
    for tool, times, command in PEERS.get(name, []):
        if shutil.which(tool) is None:
            print(
                f"  SKIPPED: {tool} is not installed (apt install {tool}); the goal of {times:.0f} x was not measured"
            )
            continue
        wall_s, cpu_s = peer(command(path), path)
        faster = wall_s / ours["wall_s"]
        print(f"  {tool:11s} {size_mb / wall_s:7.1f} MB/s  {cpu_s:6.2f} CPU s; {faster:.1f} x slower than landing"
              f" ({cpu_s / ours['cpu_s']:.1f} x by CPU), goal {times:.0f}  {verdict(faster >= times)}")  # fmt: skip


def archives(path: Path, runs: int) -> None:
    """A .gz of the access log against the slower of gunzip and the plain rate."""
    packed = path.with_suffix(".log.gz")
    with path.open("rb") as source, gzip.open(packed, "wb", compresslevel=4) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    size_mb = path.stat().st_size / 1e6
    plain, ours = measured(OURS, path, runs)["wall_s"], measured(OURS, packed, runs)["wall_s"]
    start = time.perf_counter()
    subprocess.run(["gzip", "-dc", str(packed)], stdout=subprocess.DEVNULL, check=True)
    unpack = time.perf_counter() - start
    share = max(plain, unpack) / ours
    rates = f"of gunzip ({size_mb / unpack:.0f} MB/s) and plain"
    print(f"gzip: {packed.stat().st_size / 1e6:.0f} MB packed, {size_mb / ours:.0f} MB/s unpacked; {share:.2f} of the"
          f" slower {rates}, goal 0.70  {verdict(share >= 0.70)}")  # fmt: skip
    packed.unlink()


def verdict(reached: bool) -> str:
    """`ok` or `MISSED`."""
    return "ok" if reached else "MISSED"


def main() -> None:
    """Make the logs, measure, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--full", action="store_true")
    options.add_argument("--huge", action="store_true")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--folder", type=Path, help="keep the logs there and use them again")
    given = options.parse_args()
    scale = 1.0 if given.full else 0.2
    with tempfile.TemporaryDirectory(prefix="watchroom-bench-") as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores: wall times of a busy machine mean little")
        made = {
            "access": (logs.access_log, 500), "postgresql": (logs.postgresql_log, 300), "jsonl": (logs.json_log, 300)
        }  # fmt: skip
        for name, (make, megabytes) in made.items():
            path = folder / f"{name}-{int(megabytes * scale)}.log"
            if not path.exists():
                make(path, int(megabytes * scale * 1e6))
            compare(name, path, given.runs)
        archives(folder / f"access-{int(500 * scale)}.log", given.runs)
        if given.huge:
            path = folder / "huge.log"
            logs.access_log(path, 4_000_000_000)
            rss = measured(OURS, path, 1)["rss_mb"]
            print(f"4 GB: {rss:.0f} MB peak, goal {GOAL_RSS_MB}  {verdict(rss <= GOAL_RSS_MB)}")
            path.unlink()


if __name__ == "__main__":
    main()
