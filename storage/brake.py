"""Stopping a query that runs in DuckDB, from another thread: when its time is up, or when somebody asks for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

ASK_AGAIN_S = 0.05
"""An interruption that comes while DuckDB is between two steps is lost, so it is asked for until the query ends."""


@dataclass(slots=True)
class Brake:
    """Stops one query from another thread, at once; pulled before the query began, it stops it too."""

    pulled: bool = False
    """Whether somebody pulled it."""
    _changed: threading.Event = field(default_factory=threading.Event)

    def pull(self) -> None:
        """Stop the query."""
        self.pulled = True
        self._changed.set()

    def release(self) -> None:
        """The query is over; nothing is left to stop."""
        self._changed.set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is pulled or released, at most so long; whether it was."""
        return self._changed.wait(seconds)


@contextmanager
def watched(connection: duckdb.DuckDBPyConnection, timeout_s: float, brake: Brake) -> Iterator[threading.Event]:
    """Interrupt the connection when the time is up or the brake is pulled; the event tells of the former."""
    late, over = threading.Event(), threading.Event()

    def watch() -> None:
        if not brake.wait(timeout_s):
            late.set()
        while not over.is_set():
            connection.interrupt()
            over.wait(ASK_AGAIN_S)

    watcher = threading.Thread(target=watch, name="query-limit", daemon=True)
    watcher.start()
    try:
        yield late
    finally:
        over.set()
        brake.release()
        watcher.join()
