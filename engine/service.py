"""The daemon behind `watchroom run`: it tails, lands, judges and raises alerts until it is told to stop.

Landing has a thread of its own, so that a slow verdict never holds up a log; the other work is done here, in turn.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine import parquet
from engine.actor import Actor
from engine.alert_rules import Rule
from engine.alerts import evaluate
from engine.analyses import Analyses
from engine.config_file import load_config
from engine.deployment import Deployment
from engine.detector import load, names
from engine.event_clock import EventClock
from engine.jobs import Operations, in_child, schedule
from engine.manner import manner
from engine.outbox import deliver
from engine.pipeline import Pipeline, Step
from engine.room import Room
from engine.scheduler import Scheduler
from storage.clock import monotonic_s
from storage.errors import InputError
from storage.inputs import expand
from storage.landing import Landing, LandingSummary
from storage.tally import OnProgress

log = logging.getLogger("watchroom.service")

TICK_S = 1.0
ALERTS_EVERY_S = 5.0
QUIET_ALERTS_EVERY_S = 60.0
"""The rules are asked this seldom while nothing new was committed: only time can change an answer then."""
ALERTS_SHARE = 0.1
"""At most this share of the time is spent on asking the rules; over a large home a question takes seconds."""
CACHE_COUNTS_EVERY_S = 60.0
REST = 4.0
"""A model rests four times as long as its last step took, so that a long history costs at most a fifth of a core."""
WORK_SHARE = 0.5
"""At most this share of the time is spent on judging; a step that took long is followed by a longer rest."""


SCHEDULER = Actor.current("scheduler")


@dataclass(slots=True)
class Tally:
    """What a service has done since it started."""

    judged: int = 0
    flagged: int = 0
    steps: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, steps: Sequence[Step]) -> None:
        """Count the verdicts of one round."""
        self.steps += 1
        self.judged += sum(s.judged for s in steps)
        self.flagged += sum(s.flagged for s in steps)


class Service:
    """Tails `patterns` into the room's lake and judges what lands with what is deployed in `environment`."""

    def __init__(self, room: Room, patterns: Sequence[str | Path], *, format_name: str | None = None,
                 environment: str = "production", rules: Sequence[Rule] | None = None,
                 poll: bool | None = None) -> None:  # fmt: skip
        """`poll`: look at the logs each second and await no events; None: as the configuration says."""
        self.room = room
        self.config = load_config(room.home.config)
        self.operations = Operations(room, self.config)
        self.cache = self.operations.cache
        self.rules = rules if rules is not None else self.operations.rules
        self.patterns = list(patterns)
        landed = manner(self.config.landing)
        if poll is not None:
            landed = replace(landed, poll=poll)
        self.landing = Landing(room.lake, format_name=format_name, clock=room.clock, manner=landed)
        self.pipeline = Pipeline(room.lake, environment, rest=REST)
        deployed = room.registry.deployed(environment)
        self.events = EventClock(room.lake, {load(d.model).table for d in deployed if d.model in names()})
        self.tally = Tally()
        self.analyses = Analyses(room.ledger, environment, room.clock)
        self._failed: BaseException | None = None
        self._alerts_due_s = 0.0
        self._flush_due_s = 0.0
        self._alerts_commit = -1

    def run(self, stop: threading.Event, on_round: Callable[[Tally], None] | None = None) -> Tally:
        """Work until `stop` is set; what was read by then is landed. Raises what made landing impossible."""
        lander = threading.Thread(target=self._land, args=(stop,), name="landing", daemon=True)
        lander.start()
        if self.config.monitoring.scheduler:
            jobs = Scheduler(self.room.ledger, schedule(in_child(self.room.home.path)), SCHEDULER, self.room.clock)
            threading.Thread(target=jobs.run_forever, args=(stop,), name="scheduler", daemon=True).start()
        while not stop.is_set():
            began_s = monotonic_s()
            self.round(began_s)
            if on_round is not None:
                on_round(self.tally)
            took_s = monotonic_s() - began_s
            stop.wait(max(TICK_S - took_s, took_s * (1 - WORK_SHARE) / WORK_SHARE, 0.05))
        lander.join()
        if self._failed is not None:
            raise self._failed
        self.round(monotonic_s())
        self.cache.flush()
        self.analyses.flush()
        return self.tally

    def round(self, now_s: float) -> None:
        """Judge what has settled, then look at the alerts when due. A failure is logged; the next round tries again."""
        try:
            self.events.observe(now_s)
            behind = {str(lag.path) for lag in self.landing.lags() if lag.bytes_behind > 0}
            steps = self.analyses.judge(
                self.pipeline, self.enabled(), lambda name: self.events.settled_through(name, now_s, behind=behind),
                self._timeout_ms,
            )  # fmt: skip
            self.tally.add(steps)
            self.tally.failures += self.analyses.failures
            self.analyses.failures.clear()
            self._tell_slow(steps)
            if now_s >= self._flush_due_s:
                self._flush_due_s = now_s + CACHE_COUNTS_EVERY_S
                self.cache.flush()
                self.analyses.flush()
            if now_s >= self._alerts_due_s and self._is_news(now_s):
                began_s = monotonic_s()
                self.look_at_alerts()
                self._alerts_due_s = now_s + max(ALERTS_EVERY_S, (monotonic_s() - began_s) / ALERTS_SHARE)
        except Exception as error:
            log.exception("a round of judging failed")
            self.tally.failures.append(f"{type(error).__name__}: {error}")

    def _is_news(self, now_s: float) -> bool:
        """Whether something was committed since the rules were asked, or so much time has passed that they must be."""
        newest = self.room.lake.snapshot().commit_id
        if newest == self._alerts_commit and now_s < self._alerts_due_s + QUIET_ALERTS_EVERY_S:
            return False
        self._alerts_commit = newest
        return True

    def _tell_slow(self, steps: Sequence[Step]) -> None:
        """Say of a model that took longer than its `timeout_ms`: its verdicts come late for everybody."""
        for step in steps:
            allowed = self._timeout_ms(step.model)
            if step.analysis_ms > allowed:
                log.warning("%s took %.0f ms to judge %d, %.0f ms are allowed", step.model, step.analysis_ms,
                            step.judged, allowed)  # fmt: skip

    def _timeout_ms(self, model: str) -> float:
        return self.config.models.of(model).timeout_ms

    def enabled(self) -> list[Deployment]:
        """What is deployed here and not switched off by the configuration."""
        deployed = self.cache.deployed(self.pipeline.environment)
        return [d for d in deployed if self.config.models.of(d.model).enabled]

    def look_at_alerts(self) -> None:
        """Hold what is known now against the alert rules, and tell the channels what changed."""
        room, channels = self.room, self.operations.channels
        if evaluate(room.reader, room.ledger, room.clock, SCHEDULER, rules=self.rules, channels=channels):
            deliver(room.ledger, channels, room.clock)

    def _land(self, stop: threading.Event) -> None:
        try:
            self.landing.follow(self.patterns, stop=stop)
        except BaseException as error:
            self._failed = error
            stop.set()


def _with_parquet(room: Room, landed: LandingSummary, paths: Sequence[str | Path]) -> LandingSummary:
    """Land Parquet files of models that run elsewhere, and count them to what landed.

    Raises InputError for one that was named and holds no such thing; among others of a folder it is passed over.
    """
    named = {Path(path).absolute() for path in paths}
    for file in filter(parquet.is_parquet, expand(paths)):
        try:
            rows = parquet.land(room.lake, file, room.registry.actor)
        except InputError as error:
            if file in named:
                raise
            landed = replace(landed, notices=(*landed.notices, error.passing_over))
            continue
        counts = Counter(landed.rows) + Counter(rows)
        done = (landed.files + 1, landed.bytes + file.stat().st_size, landed.commits + 1) if rows else None
        if done is not None:
            landed = replace(landed, files=done[0], bytes=done[1], commits=done[2], rows=dict(sorted(counts.items())))
    return landed


def ingest(
    room: Room,
    paths: Sequence[str | Path],
    *,
    format_name: str | None = None,
    environment: str = "production",
    on_progress: OnProgress | None = None,
) -> tuple[LandingSummary, Tally]:
    """Land logs once to their end, judge everything, look at the alerts; what landed and what was judged."""
    config, tally = load_config(room.home.config), Tally()
    landing = Landing(room.lake, format_name=format_name, clock=room.clock, manner=manner(config.landing))
    landed = landing.ingest(paths, skip=parquet.is_parquet, on_progress=on_progress)
    landed = _with_parquet(room, landed, paths)
    deployed = [d for d in room.registry.deployed(environment) if config.models.of(d.model).enabled]
    steps = Pipeline(room.lake, environment).drain(deployed)
    tally.add(steps)
    counted = Analyses(room.ledger, environment, room.clock)
    for step in (s for s in steps if s.analysis_ms > 0.0):
        counted.count(step.model, "success")
    counted.flush()
    evaluate(room.reader, room.ledger, room.clock, SCHEDULER, rules=Operations(room, config).rules)
    return landed, tally
