"""Record the sample: real servers, a small shop, labelled traffic, the servers' own logs.

python sample_data/record.py --minutes 10 --seed 7 --out sample_data/recording
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sample_data.recorder import (
    labels,
    pages_api,  # noqa: F401  registers its pages
    pages_loops,  # noqa: F401
    pages_shop,  # noqa: F401
    traffic_attacks,
    traffic_jobs,
    traffic_machines,
    traffic_people,
)
from sample_data.recorder.monitor import watch_database
from sample_data.recorder.processes import RecordError
from sample_data.recorder.servers import Stack, start_stack
from sample_data.recorder.shop import PAGES
from sample_data.recorder.stage import Actor, Addresses, Stage, perform

LIMIT_BYTES = 8_000_000


def parse_arguments() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the recording")
    parser.add_argument("--seed", type=int, default=7, help="seed of traffic and data")
    parser.add_argument("--jobs-per-second", type=float, default=2.05, help="flow of queue jobs")
    here = Path(__file__).resolve().parent / "recording"
    parser.add_argument("--out", type=Path, default=here, help="folder for the four files")
    chosen = parser.parse_args()
    if not 0 < chosen.minutes <= 60:
        parser.error("--minutes must be above 0 and at most 60")
    return chosen


def play(stack: Stack, options: argparse.Namespace) -> tuple[Stage, traffic_jobs.Desk]:
    """Drive the traffic, then let the queues run dry."""
    seconds = options.minutes * 60
    stage = Stage(stack.web_port, seconds)
    addresses = Addresses(random.Random(f"{options.seed}:addresses"))
    redis_url = f"redis://127.0.0.1:{stack.redis_port}/0"
    desk = traffic_jobs.Desk(redis_url, random.Random(f"{options.seed}:jobs"))
    actors: list[Actor] = []
    for part in (traffic_people, traffic_machines, traffic_attacks):
        actors += part.plan(options.seed, seconds, addresses)
    actors += traffic_jobs.plan(desk, seconds, stack.worker_pids, options.jobs_per_second)
    monitor = stack.url("pgwatch")
    actors.append(Actor("monitor", 3, lambda s, stop: watch_database(s, stop, monitor), seconds))
    perform(stage, actors)
    traffic_jobs.drain(desk, 60)
    return stage, desk


def keep(stack: Stack, out: Path, stage: Stage, desk: traffic_jobs.Desk, seed: int) -> None:
    """Copy the servers' logs as they are and write the labels beside them."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(stack.access_log, out / "access.log")
    shutil.copyfile(stack.database_log, out / "postgresql.log")
    shutil.copyfile(stack.folder / "jobs.jsonl", out / "jobs.jsonl")
    times = labels.access_times(out / "access.log")
    runs, jobs = (labels.read_rows(stack.folder / f"{n}.jsonl") for n in ("runs", "jobs"))
    found = [
        *labels.label_pages(stage.exchanges, times, PAGES),
        *labels.label_clients(stage.exchanges, times),
        *labels.label_jobs(runs, jobs, desk),
    ]
    written = labels.write_labels(out / "labels.jsonl", found, random.Random(f"{seed}:labels"))
    _summary(out, written)


def _summary(out: Path, written: list[labels.Label]) -> None:
    """Say what was recorded, on stderr."""
    total = 0
    for name in ("access.log", "postgresql.log", "jobs.jsonl", "labels.jsonl"):
        data = (out / name).read_bytes()
        total += len(data)
        print(f"{name:16} {len(data.splitlines()):7} lines {len(data):9} bytes", file=sys.stderr)
    print(f"{'together':30} {total:9} bytes", file=sys.stderr)
    for model in sorted({label.model for label in written}):
        own = [label for label in written if label.model == model]
        hits = sum(label.truth for label in own)
        print(f"\n{model}: {len(own)} labels, {hits} true ({hits / len(own):.1%})", file=sys.stderr)
        for (truth, note), count in sorted(Counter((b.truth, b.note) for b in own).items()):
            print(f"  {truth!s:5} {count:5} {note}", file=sys.stderr)
    if total > LIMIT_BYTES:
        raise RecordError(f"the recording is too large: {total} bytes, at most {LIMIT_BYTES}")


def main() -> int:
    """Record; one clear line and exit code 1 when something cannot be started."""
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    threading.excepthook = lambda info: print(f"actor: {info.exc_value!r}", file=sys.stderr)
    folder = Path(tempfile.mkdtemp(prefix="watchroom-record-"))
    folder.chmod(0o755)
    try:
        stack = start_stack(folder, options.seed)
        try:
            stage, desk = play(stack, options)
        finally:
            stack.processes.stop_all()
        keep(stack, options.out, stage, desk, options.seed)
    except RecordError as error:
        print(f"record: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
