"""A follower that a test moves by hand: each sweep is a call, and nothing waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage.following import Follower
from storage.lake import Lake
from storage.landing import Landing
from storage.manner import Manner, Rhythm

AT_ONCE = Rhythm(sweep_s=0.05, commit_s=0.0, idle_s=0.0, rotate_wait_s=0.0, backoff_s=(0.01,))
PATIENT = Rhythm(sweep_s=0.05, commit_s=0.0, idle_s=1e9, rotate_wait_s=1e9, backoff_s=(0.01,))


def landing(lake: Lake, rhythm: Rhythm = PATIENT, format_name: str | None = "jsonl", *, poll: bool = False) -> Landing:
    """A landing of JSON lines into `lake`."""
    return Landing(lake, format_name=format_name, clock=lake.clock, manner=Manner(rhythm=rhythm, poll=poll))


@contextmanager
def following(
    lake: Lake,
    patterns: Sequence[str | Path],
    rhythm: Rhythm = PATIENT,
    format_name: str | None = "jsonl",
    *,
    poll: bool = False,
    work: Landing | None = None,
) -> Iterator[Follower]:
    """A follower of `patterns`; leaving the block is a kill: nothing is drained, only files are closed."""
    lands = work or landing(lake, rhythm, format_name, poll=poll)
    follower = Follower(lands, patterns, stop=threading.Event())
    try:
        yield follower
    finally:
        follower.close()


def sweep_to_rest(follower: Follower) -> None:
    """Sweep until nothing more lands."""
    for _ in range(200):
        landed = follower.sweep()
        if not landed and not any(lag.bytes_behind and lag.state == "live" for lag in follower.lags()):
            return


def restart(lake: Lake, patterns: Sequence[str | Path], rhythm: Rhythm = PATIENT) -> None:
    """Start anew, drain what is there, stop."""
    stop = threading.Event()
    stop.set()
    landing(lake, rhythm).follow(patterns, stop=stop)
