"""Wakes a sweep early when something happens in the watched folders. A hint and no more: events get lost, and on
network file systems there are none, so whoever waits here sweeps after the timeout anyway.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_log = logging.getLogger("watchroom")
_CHANGES = frozenset({"modified", "created", "moved", "deleted"})


class Watch:
    """Watches folders with watchdog, if it is to and the system lets it."""

    def __init__(self, *, events: bool = True) -> None:
        self._wake = threading.Event()
        self._watched: dict[Path, Any] = {}
        self._observer: Any = None
        self._broken = not events

    def cover(self, folders: Iterable[Path]) -> None:
        """Watch exactly these folders from now on."""
        wanted = set(folders)
        if self._broken or wanted == self._watched.keys():
            return
        try:
            self._start()
            for folder in self._watched.keys() - wanted:
                self._observer.unschedule(self._watched.pop(folder))
            for folder in wanted - self._watched.keys():
                self._watched[folder] = self._observer.schedule(_Waker(self._wake), str(folder), recursive=False)
        except Exception as error:  # no inotify instance left, a folder gone meanwhile: the sweep is enough
            _log.info("watching without events: %s", error)
            self.close()
            self._broken = True

    def _start(self) -> None:
        if self._observer is None:
            from watchdog.observers import Observer

            self._observer = Observer()
            self._observer.start()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until something changes or the time is up; says whether something did."""
        woken = self._wake.wait(timeout_s)
        self._wake.clear()
        return woken

    def wake(self) -> None:
        """End a wait from another thread."""
        self._wake.set()

    def close(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=2)
        self._observer = None
        self._watched.clear()


class _Waker:
    """The handler that watchdog calls from its thread: our own reading must not wake us."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake

    def dispatch(self, event: Any) -> None:
        """Called by watchdog with each event."""
        if event.event_type in _CHANGES:
            self._wake.set()
