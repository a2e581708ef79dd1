"""What feeds the panes: when to read, what came of it, and how old it is.

A pane is read when it is shown, when what it asks for changes, and when its period is over and the ledger moved. A read
that took long is followed by a longer rest, so that a large home does not keep a small machine busy. Nothing here
waits, and nothing here touches a widget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from console.cells import EMPTY, SafeText, printable
from console.pane import Ask, Pane, panes
from console.pulse import Pulse, read_pulse
from console.reading import Deliver, Desks, Done
from storage.clock import monotonic_s
from storage.errors import RefusedError

if TYPE_CHECKING:
    from engine.room import Room

Following = Callable[[], str]
"""Says in words what feeds the home, e.g. `replay 4x 02:14`; called in a thread."""

PULSE = "pulse"
REST = 2.0
"""A read that took `t` seconds is followed by at least `REST * t` without one."""
UNCHANGED = timedelta(seconds=30)
"""After this long a pane is read even if the ledger did not move: ages and rates depend on the clock too."""
STALE_PERIODS = 3


@dataclass
class Held:
    """What is known of one pane's reading."""

    read_at: datetime | None = None
    """When the newest answer came."""
    tried_at: datetime | None = None
    """When the newest read ended, well or not."""
    mark: str = ""
    """The ledger as it was before that read."""
    asked: Ask | None = None
    took_s: float = 0.0
    problem: SafeText = EMPTY

    def period_s(self, pane: Pane[Any]) -> float:
        """The least time between two reads."""
        return max(pane.refresh_s, REST * self.took_s)


class Feed:
    """The reading of one console. All methods but the work itself run in the user interface."""

    def __init__(self, room: Room, follow: Following | None, deliver: Deliver) -> None:
        self.room = room
        self.follow = follow
        self.desks = Desks(deliver)
        self.held: dict[str, Held] = {name: Held() for name, _ in panes()}
        self.pulse: Pulse | None = None
        self.paused: Pulse | None = None
        self._then: dict[str, Callable[[Done], None]] = {}

    def beat(self) -> None:
        """Take the pulse."""
        room, follow, since = self.room, self.follow, self.paused
        self.desks.ask(PULSE, None, lambda: read_pulse(room, follow, since))

    def pause(self) -> None:
        """Hold the panes, or let them go on."""
        self.paused = self.pulse if self.paused is None else None

    def want(self, pane: Pane[Any], *, force: bool = False) -> None:
        """Read for a pane if that is due."""
        asked, mark = pane.ask(), self.pulse.mark if self.pulse else ""
        if force or self._due(pane, asked, mark):
            room, kind = self.room, type(pane)
            self.desks.ask(str(pane.id), (asked, mark), lambda: _timed(lambda: kind.read(room, asked)))

    def _due(self, pane: Pane[Any], asked: Ask, mark: str) -> bool:
        held = self.held[str(pane.id)]
        if held.tried_at is None:
            return True
        if self.paused is not None:
            return False
        if held.asked != asked and not held.problem:
            return True
        age = self.room.clock() - held.tried_at
        if age.total_seconds() < held.period_s(pane):
            return False
        return mark != held.mark or age >= UNCHANGED or bool(held.problem)

    def do(self, desk: str, work: Callable[[], Any], then: Callable[[Done], None]) -> None:
        """Have something done at a desk; `then` is told. While the desk is busy it is refused."""
        if self.desks.ask(desk, None, work):
            self._then[desk] = then
        else:
            then(Done(desk, None, error=RefusedError("still busy with what was asked before; try again")))

    def received(self, done: Done) -> Any | None:
        """Take a result in; returns what the pane of that desk is to draw, if it is one's."""
        self.desks.received(done)
        if done.desk in self._then:
            self._then.pop(done.desk)(done)
        elif done.desk == PULSE:
            self.pulse = done.value if done.error is None else self.pulse
        else:
            held = self.held[done.desk]
            held.tried_at = self.room.clock()
            held.asked, held.mark = done.asked
            if done.error is None:
                value, held.took_s = done.value
                held.read_at, held.problem = held.tried_at, EMPTY
                return value
            held.problem = printable(done.error, limit=200)
        return None

    def state(self, pane: Pane[Any]) -> SafeText:
        """How old what a pane shows is, if that is worth a word."""
        held = self.held[str(pane.id)]
        if held.read_at is None:
            return held.problem or SafeText("reading")
        age_s = (self.room.clock() - held.read_at).total_seconds()
        if held.problem:
            return SafeText(f"STALE {age_s:.0f} s: {held.problem}")
        late = age_s > STALE_PERIODS * held.period_s(pane)
        if late and self.paused is None and str(pane.id) in self.desks.busy:
            return SafeText(f"STALE {age_s:.0f} s: still reading")
        return EMPTY


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = monotonic_s()
    value = work()
    return value, monotonic_s() - start
