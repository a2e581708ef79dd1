"""Turn what the driver did into labels. Nothing here looks at what a detector would see."""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sample_data.recorder.jobs import N_PLUS_ONE_JOBS
from sample_data.recorder.shop import Page
from sample_data.recorder.stage import Exchange
from sample_data.recorder.traffic_jobs import Desk

_LINE = re.compile(r"^(\S+) - \S+ \[([^]]+)\] .* (\d+\.\d{3}) ([0-9a-f]{32})$")
LOOP_ROWS = 2
"""A lazy loop that went through fewer rows than this did not happen in that trace."""


@dataclass(frozen=True, slots=True)
class Label:
    """One line of labels.jsonl."""

    at: datetime
    model: str
    subject: str
    window_start: datetime | None
    truth: bool
    note: str

    def line(self) -> str:
        """As JSON."""
        window = self.window_start and f"{self.window_start:%Y-%m-%dT%H:%M:%SZ}"
        row = {
            "event": "label", "ts": f"{self.at:%Y-%m-%dT%H:%M:%S.%f}Z", "model": self.model,
            "subject": self.subject, "window_start": window, "truth": self.truth,
            "actor": "driver", "note": self.note,
        }  # fmt: skip
        return json.dumps(row, separators=(",", ":"))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file, none if it is missing."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def access_times(path: Path) -> dict[str, tuple[str, datetime]]:
    """Request id to client address and time, as nginx wrote them."""
    found = {}
    for line in path.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match:
            at = datetime.strptime(match[2], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
            found[match[4]] = (match[1], at)
    return found


def label_pages(
    exchanges: Iterable[Exchange], times: dict[str, tuple[str, datetime]], pages: dict[str, Page]
) -> Iterable[Label]:
    """One label for each request that issued statements."""
    for done in exchanges:
        page = pages.get(done.page)
        if done.statements and page and done.trace_id in times:
            truth = page.n_plus_one and done.loop_rows >= LOOP_ROWS
            note = f"{page.name}: {page.kind}"
            yield Label(times[done.trace_id][1], "n1-detector", done.trace_id, None, truth, note)


def label_clients(exchanges: Iterable[Exchange], times: dict[str, tuple[str, datetime]]) -> Iterable[Label]:
    """One label for each client and minute in which it sent requests."""
    minutes: dict[tuple[str, datetime], list[tuple[datetime, Exchange]]] = defaultdict(list)
    for done in exchanges:
        if done.trace_id in times:
            address, at = times[done.trace_id]
            minutes[address, at.replace(second=0)].append((at, done))
    for (address, minute), sent in minutes.items():
        kinds = Counter(done.hostile for _, done in sent if done.hostile)
        note = kinds.most_common(1)[0][0] if kinds else sent[0][1].note
        last = max(at for at, _ in sent)
        yield Label(last, "waf-behavioral", address, minute, bool(kinds), note)


def label_jobs(runs: list[dict[str, Any]], jobs: list[dict[str, Any]], desk: Desk) -> Iterable[Label]:
    """One label for each run of a job, and one for its trace if it issued statements."""
    side = {run["job_id"]: run for run in runs}
    for job in jobs:
        key, at = job["job_id"], _moment(job["ts"])
        run = side[key]
        note = desk.anomalies.get(key.partition(":")[0], "")
        if not note:
            began = _moment(run["began"])
            slow = any(w == job["worker"] and a <= began < b for w, a, b in desk.slowed)
            note = "slow worker" if slow else ""
        calm = "one failed try" if job["status"] != "done" else "normal"
        yield Label(at, "queue-anomaly", key, None, bool(note), note or calm)
        if run["statements"]:
            truth = job["job_type"] in N_PLUS_ONE_JOBS and run["loop"] >= LOOP_ROWS
            kind = "lazy relation in a job's loop" if truth else "job"
            name = f"{job['job_type']}: {kind}"
            yield Label(at, "n1-detector", job["trace_id"], None, truth, name)


def write_labels(path: Path, labels: Iterable[Label], rng: random.Random) -> list[Label]:
    """Write all labels in the order in which they became known, shortly after the fact."""
    late = [(label, label.at + timedelta(seconds=rng.uniform(0.2, 6))) for label in labels]
    late.sort(key=lambda pair: pair[1])
    done = [Label(at, one.model, one.subject, one.window_start, one.truth, one.note) for one, at in late]
    path.write_text("".join(label.line() + "\n" for label in done))
    return done
