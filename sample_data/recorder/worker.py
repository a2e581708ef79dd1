"""An RQ worker that writes one JSON line for each finished run of a job."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue, Worker
from rq.job import Job

from sample_data.recorder import jobs, tracing


def append_line(path: Path, row: dict[str, Any]) -> None:
    """Append one line in one write, so that several processes can share the file."""
    line = json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


class LoggingWorker(Worker):
    """The stock worker, plus the job log."""

    _last_error: str | None = None

    def perform_job(self, job: Job, queue: Queue, *rest: Any) -> bool:
        """Run a job in the work-horse process and log what it took."""
        cpu, clock, began = time.process_time(), time.monotonic(), datetime.now(UTC)
        left = job.retries_left or 0
        attempt = int(job.meta.get("retries", 0)) - left
        run_id = f"{job.id}:{attempt + 1}"
        trace = tracing.Trace(hashlib.md5(run_id.encode()).hexdigest())
        trace.controller = str(job.func_name).rpartition(".")[2]
        wait = began - (job.enqueued_at or began)
        payload = len(job.data)
        token = tracing.current.set(trace)
        try:
            fine = super().perform_job(job, queue, *rest)
        finally:
            tracing.current.reset(token)
        row = {
            "event": "job",
            "ts": _stamp(datetime.now(UTC)),
            "job_id": run_id,
            "job_type": trace.controller,
            "queue": queue.name,
            "worker": self.name,
            "status": "done" if fine else ("retried" if left else "failed"),
            "execution_ms": round((time.monotonic() - clock) * 1000, 3),
            "wait_ms": round(max(wait.total_seconds(), 0) * 1000, 3),
            "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 2),
            "cpu_ms": round((time.process_time() - cpu) * 1000, 3),
            "retry_count": attempt,
            "payload_kb": round(payload / 1024, 3),
            "error": None if fine else self._last_error,
            "trace_id": trace.trace_id,
        }
        append_line(_out() / "jobs.jsonl", row)
        side = {"job_id": run_id, "statements": trace.statements, "loop": trace.loop_rows}
        append_line(_out() / "runs.jsonl", {**side, "began": _stamp(began)})
        return fine

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Remember what went wrong for the log line."""
        self._last_error = f"{exc_info[0].__name__}: {exc_info[1]}"
        super().handle_exception(job, *exc_info)


def _out() -> Path:
    return Path(os.environ["SHOP_OUT"])


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def main() -> None:
    """Run one worker: name and queues are the arguments."""
    name, queues = sys.argv[1], sys.argv[2].split(",")
    with jobs.engine().connect():
        pass
    connection = Redis.from_url(os.environ["SHOP_REDIS"])
    worker = LoggingWorker(queues, name=name, connection=connection)
    (_out() / f"{name}.ready").touch()
    worker.work(with_scheduler=False, logging_level="WARNING")


if __name__ == "__main__":
    main()
