"""The demonstration: the recorded sample as live traffic, with one bad deployment made on purpose, to be undone.

After a while a `waf-behavioral` 1.1.0 goes into production whose cut-off is far too high. It misses attacks, its
accuracy falls under the limit, an alert fires: the moment the rollback key is made for.
"""

from __future__ import annotations

import argparse
import importlib.resources
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.alert_rules import default_rules
from engine.logbook import open_logbook
from engine.pipeline import Pipeline
from engine.replay import Playback, load_recording
from engine.room import Room
from engine.service import Service, Tally
from engine.versions import detector_card
from storage.landing import Landing

MODEL = "waf-behavioral"
ACCURACY_RULE = "model_accuracy_below_threshold"
BAD_VERSION = "1.1.0"
BAD_THRESHOLD = 1.0


def recording_folder() -> Path:
    """Where the recorded sample is installed."""
    return Path(str(importlib.resources.files("sample_data") / "recording"))


def playback(target: Path, speed: float) -> Playback:
    """The recorded sample, ready to be played into `target`."""
    return Playback(load_recording(recording_folder()), target, speed)


@dataclass(slots=True)
class Story:
    """The bad deployment and, where nobody sits at a console, its rollback; `told` are the lines said so far."""

    room: Room
    bad_after: float
    """Share of the recording after which the bad version is deployed."""
    undo: bool
    told: list[str] = field(default_factory=list)
    _deployed: bool = False
    _undone: bool = False

    def advance(self, progress: float) -> None:
        """Do what is due at this share (0..1) of the recording."""
        if not self._deployed and progress >= self.bad_after:
            self._deployed = True
            self._deploy_bad()
        elif self._deployed and self.undo and not self._undone and self._firing():
            self._undone = True
            plan = self.room.registry.plan_rollback(MODEL, "production")
            done = self.room.registry.rollback(plan, reason="accuracy fell after 1.1.0")
            self.told.append(f"{MODEL} {BAD_VERSION} fell under its limit and was rolled back to {done.version}")

    def _deploy_bad(self) -> None:
        card = detector_card(MODEL, BAD_VERSION)
        card = replace(card, defaults=dict(card.defaults) | {"threshold": BAD_THRESHOLD})
        self.room.registry.register_card(card, reason="demonstration: a cut-off that is far too high")
        self.room.registry.deploy(
            MODEL, BAD_VERSION, "production", config=card.defaults, reason="demonstration: a bad release, to be undone"
        )
        self.told.append(f"{MODEL} {BAD_VERSION} deployed: threshold {BAD_THRESHOLD}, a bad release made on purpose")

    def _firing(self) -> bool:
        rows = self.room.reader.query(
            "SELECT 1 FROM open_alerts WHERE model = ? AND rule = ? AND state = 'firing'", [MODEL, ACCURACY_RULE]
        )
        return rows.height > 0


@dataclass(frozen=True, slots=True)
class Performance:
    """How the sample is played live: how fast, what share has happened at the start, when the bad release comes."""

    speed: float
    begin: float = 0.0
    bad_after: float = 0.4
    stay: bool = False
    """Go on serving after the end, until stopped."""


def perform(room: Room, logs: Path, how: Performance, stop: threading.Event) -> Tally:
    """Play the sample into `logs` while the room's service tails it, until its end or until `stop` is set."""
    tape = playback(logs, how.speed)
    tape.prepare(room.clock, begin=how.begin)
    story, service = Story(room, how.bad_after, undo=False), Service(room, [logs])
    player = threading.Thread(target=tape.play, args=(stop,), name="replay", daemon=True)
    player.start()

    def after_round(_tally: Tally) -> None:
        story.advance(tape.progress)
        if tape.progress >= 1.0 and not how.stay and not any(lag.bytes_behind for lag in service.landing.lags()):
            stop.set()

    tally = service.run(stop, after_round)
    player.join()
    return tally


def perform_stepwise(room: Room, logs: Path, *, steps: int = 20, tell: Callable[[str], None] = print) -> Tally:
    """The same replay with nobody watching: step by step, as fast as the machine can, the bad release undone.

    An alert resolves as soon as its cause is gone: the replay is too short for the half hour that a real one waits.
    """
    tape = playback(logs, speed=1.0)
    tape.prepare(lambda: room.clock() - (tape.recording.end - tape.recording.start))
    story, tally = Story(room, bad_after=0.4, undo=True), Tally()
    service = Service(room, [logs], rules=[replace(rule, keep_minutes=0.0) for rule in default_rules()])
    pipeline = Pipeline(room.lake)
    for number in range(1, steps + 1):
        tape.advance(number / steps)
        Landing(room.lake, clock=room.clock).ingest([logs])
        service.events.observe(0.0)
        deployed = room.registry.deployed("production")
        tally.add(pipeline.step(deployed, lambda name: service.events.settled_through(name, 0.0)))
        service.look_at_alerts()
        story.advance(tape.progress)
        while story.told:
            tell(story.told.pop(0))
    tally.add(pipeline.drain(room.registry.deployed("production")))
    service.look_at_alerts()
    return tally


def main() -> None:
    """The demonstration's daemon, for a console in another process."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--begin", type=float, default=0.0)
    given = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    room = Room.open(given.home, create=True, origin="scheduler")
    open_logbook(room.home)
    perform(room, logs_beside(given.home), Performance(given.speed, given.begin, given.begin + 0.05, stay=True), stop)


def logs_beside(home: Path) -> Path:
    """Where the demonstration writes the logs that its home tails."""
    return home.parent / f"{home.name}-logs"


if __name__ == "__main__":
    main()
