"""Ctrl-C while a query runs: the query goes on in a thread, and the signal pulls its brake at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from storage.brake import Brake
from storage.errors import QueryError

T = TypeVar("T")
LOOK_S = 0.2
"""So often the main thread looks whether a signal came that woke nobody: libraries replace handlers as they load."""


def interruptible(work: Callable[[Brake], T]) -> T:
    """What `work` returns, done in a thread; Ctrl-C pulls the brake that it is given. Raises KeyboardInterrupt then."""
    brake = Brake()
    try:
        with _interrupted_by_key(brake), ThreadPoolExecutor(1, thread_name_prefix="query") as thread:
            future = thread.submit(work, brake)
            while not wait([future], timeout=LOOK_S).done:
                pass
            return future.result()
    except QueryError:
        if brake.pulled:
            raise KeyboardInterrupt from None
        raise


@contextmanager
def _interrupted_by_key(brake: Brake) -> Iterator[None]:
    """Ctrl-C pulls the brake. Polars catches the signal in a way that wakes no waiting thread; a handler of ours does.

    Where Ctrl-C is ignored (a job in the background), or outside of the main thread, nothing changes.
    """
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: brake.pull())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
