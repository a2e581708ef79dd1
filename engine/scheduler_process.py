"""The scheduler as a process of its own: one a home, known by a lock that the kernel drops when it dies.

`watchroom run` schedules as well; two schedulers do no harm, for a slot is run once whoever looks. This one is for
homes whose logs land otherwise, and for who wants to restart it alone.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.actor import Actor
from engine.jobs import in_child, schedule
from engine.room import Room
from engine.scheduler import Scheduler
from storage.clock import monotonic_s
from storage.errors import RefusedError, UnavailableError
from storage.home import Home

LOCK, OUTPUT = "scheduler.lock", "scheduler.out"
PATIENCE_S = 20.0
"""How long a scheduler may take to begin or to end."""
LOOK_S = 0.5
"""Who asks whether a scheduler runs holds the lock for a moment; longer than this and it is a scheduler."""
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def running(home: Home) -> int | None:
    """The process id of the home's scheduler; None if none runs."""
    try:
        with (home.state / LOCK).open("r", encoding="ascii") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(handle.read().strip() or 0)
    except FileNotFoundError:
        return None
    return None


@contextmanager
def held(home: Home) -> Iterator[None]:
    """Be the home's scheduler. Raises RefusedError naming the process that is it already."""
    handle = os.open(home.state / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _until(lambda: _locked(handle), LOOK_S):
            raise RefusedError(f"a scheduler runs already (process {running(home)})")
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def scheduler_of(room: Room, actor: Actor | None = None) -> Scheduler:
    """The scheduler of a home; each job runs in a process of its own. `actor`: who steers it, if a person does."""
    return Scheduler(room.ledger, schedule(in_child(room.home.path)), actor or Actor.current("scheduler"), room.clock)


def serve(room: Room) -> int:
    """Run jobs as they fall due until a signal ends it (SIGTERM, SIGINT, SIGHUP); returns the signal's number.

    It returns at once; a job that runs ends with the process, and the next scheduler finds it dead. Call it in the main
    thread. Raises RefusedError if a scheduler runs already.
    """
    told, received = threading.Event(), [0]

    def end(number: int, _frame: object) -> None:
        received[0] = number
        told.set()

    with held(room.home):
        for number in ENDING:
            signal.signal(number, end)
        jobs = threading.Thread(target=scheduler_of(room).run_forever, args=(told,), name="scheduler", daemon=True)
        jobs.start()
        while jobs.is_alive() and not told.wait(1.0):
            pass
        if not told.is_set():
            raise UnavailableError(f"the scheduler of {room.home.path} ended by itself; `watchroom doctor` looks why")
    return received[0]


def stop(home: Home) -> int | None:
    """End the home's scheduler and wait until it is gone; returns its process id, None if none ran.

    Raises UnavailableError if it does not end.
    """
    pid = running(home)
    if not pid:
        return None
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return pid
    except PermissionError:
        raise UnavailableError(f"the scheduler (process {pid}) belongs to another user") from None
    if not _until(lambda: running(home) is None):
        raise UnavailableError(f"the scheduler (process {pid}) does not end; `kill -9 {pid}` ends it, then start again")
    return pid


def start(home: Home) -> int:
    """Start a scheduler in the background, wait until it is there; returns its process id. Raises UnavailableError."""
    home.state.mkdir(mode=0o700, exist_ok=True)
    with (home.state / OUTPUT).open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "engine.scheduler_process", str(home.path)], stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    if not _until(lambda: running(home) == started.pid or started.poll() is not None) or started.poll() is not None:
        raise UnavailableError(f"the scheduler did not start; {home.state / OUTPUT} says why")
    return started.pid


def _until(true: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    waited, due_s = threading.Event(), monotonic_s() + patience_s
    while not (found := true()) and monotonic_s() < due_s:
        waited.wait(0.05)
    return found


def main(path: str) -> None:
    """The scheduler in the background: `python -m engine.scheduler_process HOME`."""
    serve(Room.open(Path(path), origin="scheduler"))


if __name__ == "__main__":
    main(sys.argv[1])
