"""The four periodic jobs of model operations, as the scheduler runs them.

ml-performance-monitoring  5 min   estimates without labels, the accuracy and system rules, notices on their way
ml-degradation-detection  15 min   every deployment against its frozen baseline
ml-auto-tuning             1 h     thresholds: those tuned lately checked, the others searched
ml-registry-cleanup        1 day   what is old goes, the event log and the code are checked
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import alerts, degradation, digest, estimate_check, monitor, outbox, tuning, tuning_check
from engine.alert_rules import Rule, load_rules
from engine.channel import Channel, DeliveryError, Notice, configured
from engine.cleanup import check_integrity, cleanup
from engine.registry_cache import RegistryCache
from engine.slots import Job
from storage.clock import rfc3339
from storage.errors import UsageError

if TYPE_CHECKING:
    from engine.config import Config
    from engine.room import Room

NAMES = ("ml-performance-monitoring", "ml-degradation-detection", "ml-auto-tuning", "ml-registry-cleanup")
INTEGRITY = Rule(
    "integrity_broken", "something is not as it was written down", "-", "monitoring failed: {what}", "critical",
    keep_minutes=0.0, look="watchroom audit verify",
)  # fmt: skip
LOG_NAME = "ml-monitoring.log"
Output = Mapping[str, Any]


class Operations:
    """What the jobs do, over one room; each method is one job and returns what it did."""

    def __init__(self, room: Room, config: Config) -> None:
        from engine.config_file import channels

        self.room = room
        self.config = config
        self.log = configured("log", {"path": str(room.home.path / LOG_NAME), "min_severity": "info"})
        self.channels: list[Channel] = [self.log, *channels(config)]
        self.rules: Sequence[Rule] = load_rules(room.home.path / "rules.toml")
        self.cache = RegistryCache(room.registry, room.home.state, timedelta(seconds=config.registry.cache_ttl_s))

    def monitor(self) -> Output:
        """ml-performance-monitoring."""
        estimate_check.record(self.room.reader, self.room.ledger, self.room.clock)
        changes = self._alerts("ml-performance-monitoring")
        now = monitor.performance_now(self.room.reader)
        for row in now.iter_rows(named=True):
            accuracy = "-" if row["acc100"] is None else f"{row['acc100']:.2f}"
            self._say("info", f"{row['model']} status: monitored (accuracy: {accuracy})")
        digest.send_due(self.room.reader, self.room.ledger, self.channels, self.room.clock)
        sent = outbox.deliver(self.room.ledger, self.channels, self.room.clock)
        self._say("info", "Performance monitoring executed successfully")
        return {"models": now.height, "alert_changes": changes, "sent": len(sent)}

    def degrade(self) -> Output:
        """ml-degradation-detection."""
        room = self.room
        found = degradation.check(
            room.reader, room.ledger, room.registry.actor, room.clock,
            false_alarm_days=self.config.monitoring.false_alarm_days,
        )  # fmt: skip
        changes = self._alerts("ml-degradation-detection")
        outbox.deliver(room.ledger, self.channels, room.clock)
        levels = {f"{d.model} {d.environment} {c.metric}": c.level for d, c in found}
        self._say("info", f"Degradation detection executed successfully ({len(levels)} looks)")
        return {"levels": levels, "alert_changes": changes}

    def tune(self) -> Output:
        """ml-auto-tuning."""
        if not self.config.tuning.enabled:
            return {"enabled": False}
        room, wanted = self.room, self.config.tuning
        checked = {run: verdict for run, verdict, _ in tuning_check.check(room.reader, room.registry)}
        options = tuning.Options(wanted.objective, wanted.apply, wanted.exact)
        runs = [tuning.tune(room.reader, room.registry, now, options) for now in self.cache.deployed("production")]
        for run in runs:
            gain = 100 * (run.finding.crossfit_gain or 0.0)
            self._say("info", f"Auto-tuning completed ({run.model}: {run.verdict}, improvement_percent: {gain:.1f}%)")
        changes = self._alerts("ml-auto-tuning")
        outbox.deliver(room.ledger, self.channels, room.clock)
        return {"checked": checked, "verdicts": {run.model: run.verdict for run in runs}, "alert_changes": changes}

    def clean(self) -> Output:
        """ml-registry-cleanup. Fails, and so raises an alert, where something is not as it was written down."""
        room = self.room
        gone = cleanup(
            room.ledger, room.registry.actor, timedelta(days=self.config.monitoring.retention_days), room.clock
        )
        wrong = check_integrity(room.ledger)
        told = [{"subject": "ledger and code", "bad": bool(wrong), "what": "; ".join(wrong)}]
        alerts.report(room.ledger, room.clock, room.registry.actor, INTEGRITY, told, channels=self.channels)
        outbox.deliver(room.ledger, self.channels, room.clock)
        self._say("info", f"Registry cleanup completed ({sum(gone.values())} rows)")
        if wrong:
            raise RuntimeError("; ".join(wrong))
        return {"gone": gone}

    def run(self, name: str) -> Output:
        """Run a job by name; a failure is told in the log and raised again. Raises UsageError for an unknown name."""
        jobs: dict[str, Callable[[], Output]] = dict(
            zip(NAMES, (self.monitor, self.degrade, self.tune, self.clean), strict=True)
        )
        if name not in jobs:
            raise UsageError(f"no job {name!r}; there are {', '.join(NAMES)}")
        try:
            output = jobs[name]()
            self.cache.flush()
            return output
        except Exception as error:
            self._say("critical", f"{name} monitoring failed: {type(error).__name__}: {error}")
            raise

    def _alerts(self, job: str) -> int:
        room = self.room
        return len(alerts.evaluate(
            room.reader, room.ledger, room.clock, room.registry.actor, rules=self.rules, job=job,
            channels=self.channels,
        ))  # fmt: skip

    def _say(self, severity: str, text: str) -> None:
        """A line in the log of model operations; that it cannot be written is no reason to stop."""
        ts = rfc3339(self.room.clock())
        notice = Notice(f"{ts}-{text}", "changed", severity, text, (), "jobs", ts)
        try:
            self.log.send(notice)
        except DeliveryError:
            return


_EVERY = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(days=1))
_ABOUT = ("accuracy and system alerts", "every deployment against its baseline", "thresholds", "old rows, integrity")


def schedule(run: Callable[[str], Output]) -> list[Job]:
    """The four jobs with their intervals; `run` is given a job's name, e.g. `Operations(...).run` or `in_child`."""
    return [
        Job(name, every, partial(run, name), every >= timedelta(hours=1), about)
        for name, every, about in zip(NAMES, _EVERY, _ABOUT, strict=True)
    ]


def in_child(home: Path) -> Callable[[str], Output]:
    """Runs a job in a process of its own, ended when its time is up, so that a slow job holds up nothing else."""

    def run(name: str) -> Output:
        timeout_s = next(job.timeout.total_seconds() for job in schedule(lambda _: {}) if job.name == name)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "engine.jobs", str(home), name], capture_output=True, text=True,
                timeout=timeout_s, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"ended after {timeout_s:.0f} s") from None
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it gave no reason")
        output: Output = json.loads(done.stdout)
        return output

    return run


def main(home: str, name: str) -> None:
    """Run one job of the home and print what it did as JSON."""
    from engine.config_file import load_config
    from engine.room import Room

    _end_with_parent()
    room = Room.open(Path(home), origin="scheduler")
    print(json.dumps(Operations(room, load_config(room.home.config)).run(name), default=str))


def _end_with_parent() -> None:
    """Have this process ended when the one that started it dies: a job that nobody waits for must not go on."""
    import ctypes
    import signal

    pr_set_pdeathsig = 1  # prctl(2), Linux
    try:
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    except (OSError, AttributeError):
        return


if __name__ == "__main__":
    main(*sys.argv[1:3])
