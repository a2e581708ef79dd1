"""What the shop puts into its queues, and the faults that are provoked there."""

from __future__ import annotations

import random
import signal
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import kill, urandom
from typing import Any

from redis import Redis
from rq import Queue, Retry

from sample_data.recorder.jobs import JOBS
from sample_data.recorder.models import CUSTOMERS, PRODUCTS
from sample_data.recorder.processes import children
from sample_data.recorder.stage import Actor, Stage

MIX = {
    "send_email": 34, "deliver_webhook": 20, "resize_image": 18, "import_catalog": 9,
    "make_invoice": 9, "sync_stock": 3.5, "build_report": 3, "send_digest": 2.6, "nightly_rollup": 0.8,
}  # fmt: skip
QUEUES = {
    "send_email": "high", "deliver_webhook": "high", "import_catalog": "bulk", "build_report": "bulk",
    "nightly_rollup": "default",
}  # fmt: skip
FAULTS = {"slow": 0.016, "leak": 0.013, "fail": 0.004, "transient": 0.010}
BACKLOG = 3
"""A job is starved when this many were waiting before it in the provoked burst."""


@dataclass(slots=True)
class Desk:
    """Puts jobs into queues and remembers what was provoked."""

    redis_url: str
    rng: random.Random
    anomalies: dict[str, str] = field(default_factory=dict)
    slowed: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    bursting: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def queue(self, name: str) -> Queue:
        """A queue of the shop."""
        return Queue(name, connection=Redis.from_url(self.redis_url))

    def arguments(self, kind: str) -> dict[str, Any]:
        """Payloads as they come: most small, some large."""
        rng = self.rng
        if kind == "send_email":
            to = f"user{rng.randint(1, CUSTOMERS)}@mail.example"
            return {"to": to, "body": "Thank you! " * rng.randint(20, 400)}
        if kind == "deliver_webhook":
            return {"url": "https://partner.example/hook", "event": {"id": rng.randint(1, 10**6)}}
        if kind == "resize_image":
            return {"name": "p.raw", "pixels": urandom(int(min(rng.lognormvariate(10.6, 0.8), 300_000)))}
        if kind == "import_catalog":
            rows = int(min(rng.lognormvariate(5.4, 0.8), 2500))
            return {"rows": [{"sku": i, "name": f"Thing {i}", "price": i % 90} for i in range(rows)]}
        if kind == "make_invoice":
            return {"order_id": rng.randint(1, 400)}
        if kind == "sync_stock":
            return {"product_ids": sorted(rng.sample(range(1, PRODUCTS + 1), rng.choice([10, 15, 25])))}
        if kind == "send_digest":
            return {"start": rng.randint(0, 60), "rows": rng.choice([4, 6, 8, 12])}
        return {"days": rng.randint(1, 30)} if kind == "build_report" else {"shard": rng.randint(1, 9)}

    def put(self, kind: str, fault: str = "", queue: str = "") -> None:
        """Enqueue one job; what is provoked on it is written down here, before it runs."""
        with self._lock:
            name = queue or QUEUES.get(kind, "default")
            key = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
            arguments = self.arguments(kind)
            retries = 3 if fault == "fail" else 2
            target = self.queue(name)
            waiting = target.count if name == "bulk" and self.bursting else 0
        if fault in {"slow", "leak", "fail"}:
            self.anomalies[key] = {"slow": "slow", "leak": "leaking memory", "fail": "failing in a row"}[fault]
        elif waiting >= BACKLOG:
            self.anomalies[key] = "starved behind a backlog"
        target.enqueue(
            JOBS[kind], kwargs=arguments, job_id=key, retry=Retry(max=retries),
            meta={"fault": fault, "retries": retries}, result_ttl=60, failure_ttl=60,
        )  # fmt: skip

    def steady(self, stage: Stage, stop_s: float, per_second: float) -> None:
        """The usual flow of jobs."""
        kinds, weights = list(MIX), list(MIX.values())
        while stage.elapsed < stop_s and stage.wait(self.rng.expovariate(per_second)):
            kind = self.rng.choices(kinds, weights)[0]
            fault = self.rng.choices([*FAULTS, ""], [*FAULTS.values(), 1 - sum(FAULTS.values())])[0]
            # What is already slow by nature, or runs behind the burst, keeps one fault at most.
            self.put(kind, "" if kind == "nightly_rollup" or self.bursting else fault)

    def burst(self, stage: Stage, _stop_s: float, jobs: int) -> None:
        """Someone orders many reports at once; one worker serves their queue."""
        self.bursting = True
        for _ in range(jobs):
            self.put("build_report", queue="bulk")
        while stage.wait(0.2) and self.queue("bulk").count:
            pass
        self.bursting = False

    def throttle(self, stage: Stage, stop_s: float, worker: str, pid: int) -> None:
        """Slow one worker down: its work-horse gets a sixth of the time."""
        began = datetime.now(UTC)
        while stage.elapsed < stop_s and not stage.over.is_set():
            horses = children(pid)
            for horse in horses:
                _signal(horse, signal.SIGSTOP)
            time.sleep(0.1 if horses else 0.004)
            for horse in horses:
                _signal(horse, signal.SIGCONT)
            time.sleep(0.02 if horses else 0.004)
        self.slowed.append((worker, began, datetime.now(UTC)))


def _signal(pid: int, what: signal.Signals) -> None:
    try:
        kill(pid, what)
    except ProcessLookupError:
        return


def plan(desk: Desk, seconds: float, worker_pids: dict[str, int], per_second: float) -> list[Actor]:
    """The flow, two bursts, and two spells of a slow worker."""
    size = max(12, round(20 * min(seconds / 600, 1.5)))
    actors = [Actor("jobs", 0.5, lambda s, stop: desk.steady(s, stop, per_second), seconds - min(8, seconds / 4))]
    for i, share in enumerate((0.22, 0.7)):
        actors.append(Actor(f"burst{i}", share * seconds, lambda s, stop: desk.burst(s, stop, size), seconds))
    for i, (share, worker) in enumerate(((0.42, "w3"), (0.82, "w2"))):

        def play(stage: Stage, stop_s: float, worker: str = worker) -> None:
            desk.throttle(stage, stop_s, worker, worker_pids[worker])

        actors.append(Actor(f"slow worker{i}", share * seconds, play, (share + 0.04) * seconds))
    return actors


def drain(desk: Desk, seconds: float) -> None:
    """Let the workers finish what is queued."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        left = sum(
            queue.count + queue.started_job_registry.count for queue in map(desk.queue, ("high", "default", "bulk"))
        )
        if left == 0:
            return
        time.sleep(0.2)
