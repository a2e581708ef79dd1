"""Reads what the logs hold and no commit does yet, as soon as the file system tells, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from console.panes._tail import Unlanded, read_unlanded
from console.settling import keep_even
from storage.clock import monotonic_s
from storage.errors import WatchroomError
from storage.peek import Peek
from storage.watching import Watch

if TYPE_CHECKING:
    from engine.room import Room

SWEEP_S = 1.0
"""The logs are looked at so often even if the file system tells nothing."""
REST = 0.5
"""A look that took `t` seconds is followed by `REST * t` without one, so that a busy log leaves a core to others."""
LEAST_REST_S, MOST_REST_S = 0.01, 0.2

_log = logging.getLogger("watchroom")


class Ahead:
    """Reads ahead of the commits until it is stopped; `deliver` is called from the thread with what is new."""

    def __init__(self, room: Room, deliver: Callable[[Unlanded], object]) -> None:
        self._room = room
        self._deliver = deliver
        self._watch = Watch()
        self._stop = threading.Event()
        self._landed: Mapping[int, int] = {}
        keep_even()
        threading.Thread(target=self._run, name="ahead", daemon=True).start()

    def shown(self, landed: Mapping[int, int]) -> None:
        """The reader shows what has landed up to these offsets: rows before them are not given any more."""
        self._landed = landed
        self._watch.wake()

    def stop(self) -> None:
        """Read no more; returns at once."""
        self._stop.set()
        self._watch.wake()

    def _run(self) -> None:
        from engine.config_file import load_config
        from engine.manner import manner

        try:
            peek = Peek(self._room.lake, manner(load_config(self._room.home.config).landing))
        except WatchroomError as error:
            _log.warning("the stream shows rows once they landed: %s", error)
            return
        try:
            while not self._stop.is_set():
                self._look(peek)
        except Exception:  # a defect: landed rows are shown all the same
            _log.exception("reading ahead of the commits ended")
        finally:
            peek.close()
            self._watch.close()

    def _look(self, peek: Peek) -> None:
        """Look once, and wait until there is something to look at again."""
        began_s = monotonic_s()
        try:
            found = read_unlanded(peek, self._landed)
            if found is not None and not self._stop.is_set():
                self._deliver(found)
            self._watch.cover(peek.folders())
        except (OSError, WatchroomError) as error:
            _log.info("not looked ahead: %s", error)
        spent_s = monotonic_s() - began_s
        if self._watch.wait(SWEEP_S):
            self._stop.wait(min(max(REST * spent_s, LEAST_REST_S), MOST_REST_S))
