"""Reads in threads of their own: one a desk, made when first asked, never waited for when the console ends.

Not the event loop's executor, for that one is waited for: a query of half a minute would hold the terminal as long. A
desk has one thread for good, so SQLite's connection of that thread is made once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from storage.errors import WatchroomError

Deliver = Callable[["Done"], object]
"""Takes a result to the user interface; called from the desk's thread, so it must be safe to call from one."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a read: `asked` is what it was for, `value` what it returned, or `error` what it raised."""

    desk: str
    asked: Any
    value: Any = None
    error: Exception | None = None


class Desks:
    """The desks of one console, by name. All methods are called by the user interface."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._inboxes: dict[str, queue.SimpleQueue[tuple[Any, Callable[[], Any]]]] = {}
        self._busy: set[str] = set()
        self._working = 0
        self._changed = threading.Condition()

    def ask(self, desk: str, asked: Any, work: Callable[[], Any]) -> bool:
        """Start `work` at a desk; False, and nothing happens, while the desk still works on the last."""
        if desk in self._busy:
            return False
        self._busy.add(desk)
        if desk not in self._inboxes:
            self._inboxes[desk] = queue.SimpleQueue()
            threading.Thread(target=self._serve, args=(desk,), name=f"read-{desk}", daemon=True).start()
        with self._changed:
            self._working += 1
        self._inboxes[desk].put((asked, work))
        return True

    def received(self, done: Done) -> None:
        """The result arrived in the user interface: the desk may be asked again."""
        self._busy.discard(done.desk)

    @property
    def busy(self) -> frozenset[str]:
        """The desks that work on something."""
        return frozenset(self._busy)

    def idle_within(self, seconds: float) -> bool:
        """Wait until no thread works on anything, at most so long; whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: self._working == 0, seconds)

    def _serve(self, desk: str) -> None:
        inbox = self._inboxes[desk]
        while True:
            asked, work = inbox.get()
            try:
                done = Done(desk, asked, value=work())
            except WatchroomError as error:
                error.__cause__ = error.__context__ = None  # its line is shown for long; what failed must not live on
                done = Done(desk, asked, error=error.with_traceback(None))
            except Exception as error:
                done = Done(desk, asked, error=error)
            with suppress(RuntimeError):  # the event loop is gone: the console ended meanwhile
                self._deliver(done)
            del asked, work, done
            with self._changed:
                self._working -= 1
                self._changed.notify_all()
